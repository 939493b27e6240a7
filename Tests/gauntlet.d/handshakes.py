"""TLS itself: handshakes that are too large, or that come too often, and keys that are changed all the time."""

import ctypes
import datetime
import socket
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import gauntlet
import lab
from peer import Outcome, Peer

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


class Bare(Outcome):
    """An outcome without HTTP/2."""

    def __init__(self, is_cut, seconds, sent):
        self.is_cut, self.seconds, self.sent = is_cut, seconds, sent
        self.goaway, self.reason = None, ""


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
    """One handshake, to its end, and another; nothing is asked for."""
    started = time.monotonic()
    for _ in range(20):
        Peer.dial().shake().close()
    return Bare(True, time.monotonic() - started, 0)


def record(kind, payload):
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2, "big") + payload


def main():
    with gauntlet.Gauntlet(ZTUNNEL_WORKER_THREADS=1) as run:
        chain("some", 3)
        chain("many", 2000)
        run.attack("new keys without end", new_keys, "the peer sends key updates and no data", some_new_keys)
        run.attack("a chain of 2,000 certificates", shown("many"), "", some_more)
        # A ClientHello of 16 MiB, in records of 16 KiB.
        hello = record(22, b"\x01\xff\xff\xff" + bytes(16000)) + record(22, bytes(16000)) * 4
        run.attack("a ClientHello without end", bytes_only(hello), "")
        run.attack("empty records before the handshake", bytes_only(record(22, b"") * 4096), "")
        run.attack("alerts without end", bytes_only(record(21, b"\x01\x5a") * 4096), "")
        run.attack("bytes that are no TLS", bytes_only(b"GET / HTTP/1.1\r\n" * 1024), "")
        run.attack("handshakes one after the other", again)
        run.finish()


if __name__ == "__main__":
    main()
