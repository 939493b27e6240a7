"""Either end of one HBONE connection, which sends whatever bytes it is told to and hears what it wants to hear."""

import select
import socket
import ssl
import struct
import time

import hpack

import frames
import lab


class Outcome:
    """What became of an attack on one connection."""

    # What else is to be told of it.
    note = ""

    def __init__(self, peer, is_cut, seconds):
        self.is_cut, self.seconds = is_cut, seconds
        self.goaway, self.reason, self.sent = peer.goaway, peer.reason, peer.sent

    def __repr__(self):
        return f"cut {self.is_cut} after {self.seconds:.2f} s and {self.sent >> 10} KiB, GOAWAY {self.goaway} {self.reason}"


class Bare(Outcome):
    """An outcome without HTTP/2."""

    def __init__(self, is_cut, seconds, sent):
        self.is_cut, self.seconds, self.sent = is_cut, seconds, sent
        self.goaway, self.reason = None, ""


class Peer:
    def __init__(self, connection, name, is_server=False):
        self.socket = connection
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context(name, is_server).wrap_bio(self.coming, self.going, server_side=is_server)
        self.heard = b""
        self.preface_left = len(frames.PREFACE) if is_server else 0
        self.unsent = b""
        self.sent = 0
        self.goaway = None
        self.reason = ""
        self.frames = []
        self.decoder = hpack.Decoder()
        self.is_server = is_server
        self.next_stream = 1

    @classmethod
    def dial(cls, name="stranger", place=lab.STRANGER, to=lab.LEDGER, port=15008):
        with lab.inside(place):
            connection = socket.create_connection((to, port), timeout=10)
        return cls(connection, name)

    # Handshake and prologue

    def context(self, name, is_server):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE if is_server else ssl.CERT_REQUIRED
        made.load_verify_locations(lab.FOLDER / "control/root-cert.pem")
        made.load_cert_chain(lab.SCRATCH / f"{name}.pem")
        made.set_alpn_protocols(["h2"])
        return made

    def hello(self):
        """What it says first; the handshake can go on after it."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.going.read()

    def shake(self):
        self.socket.settimeout(10)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.give()
                data = self.socket.recv(1 << 16)
                if not data:
                    raise ConnectionResetError("closed during the handshake")
                self.coming.write(data)
        self.give()
        self.socket.setblocking(False)
        return self

    def give(self):
        while data := self.going.read():
            self.socket.sendall(data)

    def begin(self, **values):
        """Preface, SETTINGS, and credit for the whole connection; waits for theirs."""
        self.shake()
        self.send((b"" if self.is_server else frames.PREFACE) + frames.settings(**values))
        self.send(frames.window_update(0, 1 << 30))
        assert self.wait(lambda: self.saw(frames.SETTINGS)), "no SETTINGS came"
        return self

    def saw(self, kind, stream=None, flags=0):
        for frame in self.frames:
            if frame[0] == kind and (stream is None or frame[2] == stream) and frame[1] & flags == flags:
                return frame
        return None

    # Bytes

    def send(self, data, within=10):
        """Sends all of it, and hears what comes meanwhile."""
        self.queue(data)
        assert self.wait(lambda: not self.unsent, within), "the peer takes nothing"

    def queue(self, data):
        self.tls.write(data)
        self.unsent += self.going.read()

    def wait(self, condition, within=5):
        """Moves bytes both ways until the condition holds; False if it does not in time."""
        deadline = time.monotonic() + within
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0 or self.goaway not in (None, 0):
                return False
            self.move(min(left, 0.1))
        return True

    def move(self, limit, hears=True):
        readable, writable, _ = select.select([self.socket] if hears else [], [self.socket] if self.unsent else [], [], limit)
        if writable:
            count = self.socket.send(self.unsent[: 1 << 18])
            self.unsent = self.unsent[count:]
            self.sent += count
        if readable:
            data = self.socket.recv(1 << 18)
            if not data:
                raise ConnectionResetError("closed")
            self.coming.write(data)
            self.hear()

    def hear(self):
        while True:
            try:
                data = self.tls.read(1 << 18)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                break
            if not data:
                break
            self.heard += data[self.preface_left :]
            self.preface_left = max(0, self.preface_left - len(data))
        position = 0
        while len(self.heard) - position >= 9:
            length = int.from_bytes(self.heard[position : position + 3], "big")
            kind, flags, stream = struct.unpack_from(">BBI", self.heard, position + 3)
            if len(self.heard) - position - 9 < length:
                break
            self.take(kind, flags, stream, self.heard[position + 9 : position + 9 + length])
            position += 9 + length
        self.heard = self.heard[position:]

    def take(self, kind, flags, stream, payload):
        if kind == frames.GOAWAY:
            self.goaway, self.reason = int.from_bytes(payload[4:8], "big"), payload[8:].decode(errors="replace")
        elif kind == frames.SETTINGS and not flags & frames.ACK:
            self.queue(frames.frame(frames.SETTINGS, frames.ACK))
        elif kind == frames.PING and not flags & frames.ACK:
            self.queue(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.HEADERS:
            payload = dict(self.decoder.decode(payload))
        self.frames.append((kind, flags, stream, payload))

    # Attacks

    def flood(self, chunk, seconds=6, hears=True):
        """Sends the bytes over and over, or what the function gives, until the connection is lost."""
        started = time.monotonic()
        self.frames = []
        try:
            while time.monotonic() - started < seconds:
                if not self.unsent:
                    data = chunk() if callable(chunk) else chunk
                    if data:
                        self.queue(data)
                self.move(0.05, hears)
                if len(self.frames) > 1 << 16:
                    self.frames = []
                if self.goaway not in (None, 0):
                    return Outcome(self, True, time.monotonic() - started)
        except (OSError, ssl.SSLError):
            return Outcome(self, True, time.monotonic() - started)
        return Outcome(self, False, time.monotonic() - started)

    # Order

    def open(self, authority=f"{lab.LEDGER}:{lab.ECHO}", *fields, within=15):
        """A stream, once it has been answered with 200."""
        stream = self.request(authority, *fields)
        status = self.status(stream, within)
        assert status == "200", f"answered {status}"
        return stream

    def request(self, authority, *fields):
        stream = self.next_stream
        self.next_stream += 2
        self.send(frames.connect(stream, authority, *fields))
        return stream

    def status(self, stream, within=15):
        """The status of the answer; the code of the reset otherwise; None if there is neither."""
        def answer():
            return self.saw(frames.HEADERS, stream) or self.saw(frames.RST_STREAM, stream)

        self.wait(answer, within)
        if headers := self.saw(frames.HEADERS, stream):
            return headers[3].get(":status")
        reset = self.saw(frames.RST_STREAM, stream)
        return int.from_bytes(reset[3], "big") if reset else None

    def received(self, stream):
        return b"".join(f[3] for f in self.frames if f[0] == frames.DATA and f[2] == stream)

    def echo(self, stream, data, within=15):
        """Sends bytes and waits for the same."""
        before = len(self.received(stream))
        self.send(frames.frame(frames.DATA, 0, stream, data))
        assert self.wait(lambda: len(self.received(stream)) - before >= len(data), within), "the echo does not come"
        assert self.received(stream)[before:] == data, "the echo differs"

    def close(self):
        self.socket.close()
