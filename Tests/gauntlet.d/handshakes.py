"""TLS itself: handshakes that are too large, or that come too often, and keys that are changed all the time."""

import contextlib
import ctypes
import datetime
import select
import socket
import ssl
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import frames
import gauntlet
import lab
import records
from peer import Bare, Outcome, Peer

libssl = ctypes.CDLL("libssl.so.3")


class Session(ctypes.Structure):
    """How Python's `_ssl` begins its object: reference count, type, socket, OpenSSL's session."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("count", "type", "socket", "ssl")]


def renew(peer):
    """New keys, of the other side too."""
    session = ctypes.c_void_p(Session.from_address(id(peer.tls._sslobj)).ssl)
    assert libssl.SSL_key_update(session, 1) == 1, "no new keys"
    assert libssl.SSL_do_handshake(session) == 1, "no new keys"


def new_keys():
    """Nothing but new keys, 200 times in a piece."""
    peer = Peer.dial().begin()

    def chunk():
        for _ in range(200):
            renew(peer)
        peer.unsent += peer.going.read()
        return b""

    outcome = peer.flood(chunk)
    peer.close()
    return outcome


def some_new_keys():
    """The innocent twin: 16 times new keys, with bytes between."""
    peer = Peer.dial().begin()
    stream = peer.open()
    for _ in range(16):
        renew(peer)
        peer.unsent += peer.going.read()
        peer.echo(stream, b"between")
    peer.close()


def bytes_only(data, seconds=6):
    """What OpenSSL would not say for us, on a bare connection, and then more of the same."""

    def attack():
        with lab.inside(lab.STRANGER):
            connection = socket.create_connection((lab.LEDGER, 15008), timeout=10)
        started = time.monotonic()
        connection.settimeout(0.5)
        total, is_cut = 0, False
        try:
            while time.monotonic() - started < seconds:
                try:
                    total += connection.send(data)
                except TimeoutError:
                    continue
        except OSError:
            is_cut = True
        connection.close()
        return Bare(is_cut, time.monotonic() - started, total)

    return attack


def chain(name, count):
    """SCRATCH/NAME.pem: the stranger's own certificate, and so many others that nobody asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x" * 60)])
    other = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now).not_valid_after(now + datetime.timedelta(1))
        .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    (lab.SCRATCH / f"{name}.pem").write_bytes((lab.SCRATCH / "stranger.pem").read_bytes() + other * count)


def shown(name):
    """A peer with such a chain, which wants to be served."""

    def attack():
        started = time.monotonic()
        peer = Peer.dial(name)
        try:
            peer.begin()
            peer.open()
        except (OSError, AssertionError):
            return Outcome(peer, True, time.monotonic() - started)
        return Outcome(peer, False, time.monotonic() - started)

    return attack


def some_more():
    """The innocent twin: three certificates more than are needed."""
    peer = Peer.dial("some").begin()
    peer.echo(peer.open(), b"served")
    peer.close()


def again():
    """One handshake, to its end, and another; nothing is asked for. Each is as it should be, and none is refused."""
    started = time.monotonic()
    while time.monotonic() - started < 1.5:
        Peer.dial().begin().close()
    return Bare(False, time.monotonic() - started, 0)


# Those that come at once, and those of them that are borne: from one address, for one pod.
BEGUN, BORNE = 400, 256


def tunnels_hello():
    """What the client of a tunnel says first."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="ledger").do_handshake()
    return hello.read()


def at_once():
    """Connections in great number that begin a handshake and owe its end: those beyond what is borne are closed at once,
    and no others, which stay for a while."""
    hello, started = tunnels_hello(), time.monotonic()
    with contextlib.ExitStack() as made:
        poll, refused = select.poll(), 0
        for _ in range(BEGUN):
            try:
                with lab.inside(lab.STRANGER):
                    connection = made.enter_context(socket.create_connection((lab.LEDGER, 15008), timeout=10))
                connection.sendall(hello)
                poll.register(connection, select.POLLRDHUP)
            except (ConnectionResetError, BrokenPipeError):
                refused += 1
        closed = lambda: refused + len(poll.poll(0))
        while closed() < BEGUN - BORNE and time.monotonic() - started < 6:
            time.sleep(0.01)
        took = time.monotonic() - started
        time.sleep(1.5)
        assert closed() <= BEGUN - BORNE, f"{closed()} of {BEGUN} were closed"
        return Bare(closed() == BEGUN - BORNE, took, 0)


def in_pieces():
    """The innocent twin: a ClientHello in many small records, which come a few bytes at a time, for two seconds."""
    peer = Peer.dial()
    hello = peer.hello()[5:]
    pieces = b"".join(records.plain(records.HANDSHAKE, hello[at : at + 50]) for at in range(0, len(hello), 50))
    step = len(pieces) // 80 + 1
    for at in range(0, len(pieces), step):
        peer.socket.sendall(pieces[at : at + step])
        time.sleep(0.025)
    peer.begin()
    peer.echo(peer.open(), b"served")
    peer.close()


def sealed(kind, payload):
    """Nothing but such records on a connection with a stream."""

    def attack():
        peer = records.Sealer.dial().begin()
        peer.open()

        def chunk():
            peer.unsent += b"".join(peer.seal(kind, payload) for _ in range(200))
            return b""

        outcome = peer.flood(chunk)
        peer.close()
        return outcome

    return attack


def pauses():
    """The innocent twin: records without payload now and then, as some libraries write them."""
    peer = records.Sealer.dial().begin()
    stream = peer.open()
    for _ in range(10):
        peer.unsent += peer.seal(records.DATA, b"")
        peer.echo(stream, b"between")
    peer.close()


def farewell():
    """The innocent twin: three times the word that a user gave up, with bytes between, and close_notify at the end."""
    peer = records.Sealer.dial().begin()
    stream = peer.open()
    for _ in range(3):
        peer.unsent += peer.seal(records.ALERT, records.USER_CANCELED)
        peer.echo(stream, b"between")
    peer.send(frames.frame(frames.DATA, frames.END_STREAM, stream))
    assert peer.wait(lambda: peer.saw(frames.DATA, stream, frames.END_STREAM)), "the end did not come"
    peer.unsent += peer.seal(records.ALERT, records.CLOSE_NOTIFY)
    with contextlib.suppress(ConnectionResetError):
        peer.wait(lambda: False)
        raise AssertionError("the connection stays")
    assert peer.goaway in (None, 0), peer.reason
    peer.close()


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        plain = records.plain
        chain("some", 3)
        chain("many", 2000)
        run.attack("new keys without end", new_keys, "the peer sends key updates and no data", some_new_keys,
                   kind="tls_handshake")
        run.attack("a chain of 2,000 certificates", shown("many"), "excessive message size", some_more,
                   kind="tls_handshake")
        # A ClientHello of 16 MiB, in records of 16 KiB.
        hello = plain(22, b"\x01\xff\xff\xff" + bytes(16000)) + plain(22, bytes(16000)) * 4
        for name, data, reason, innocent in [
            ("a ClientHello without end", hello, "excessive message size", in_pieces),
            ("empty records before the handshake", plain(22, b"") * 4096, "record too small; record layer failure", None),
            ("alerts without end", plain(21, records.USER_CANCELED) * 4096, "unexpected message", None),
            ("bytes that are no TLS", b"GET / HTTP/1.1\r\n" * 1024, "http request", None),
        ]:
            run.attack(name, bytes_only(data), reason, innocent, kind="tls_handshake")
        run.attack("warnings after the handshake", sealed(records.ALERT, records.USER_CANCELED), "too many warn alerts", farewell,
                   kind="tls_handshake")
        run.attack("close_notify again and again", sealed(records.ALERT, records.CLOSE_NOTIFY), None, farewell)
        run.attack("empty records after the handshake", sealed(records.DATA, b""), "record too small; record layer failure",
                   pauses, kind="tls_handshake")
        run.attack("handshakes one after the other", again, is_cut=False)
        too_many = gauntlet.Trace("connection failed", lab.STRANGER, "too many handshakes at once",
                                  counter="culvert_peers_refused_total", reason="too_many_handshakes")
        run.attack("handshakes that are owed, all at once", at_once, innocent=some_more, trace=too_many)
        run.finish()


if __name__ == "__main__":
    main()
