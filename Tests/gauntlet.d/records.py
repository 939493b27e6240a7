"""TLS 1.3 records that OpenSSL would not write, sealed with the keys of a handshake that it made (RFC 8446 5.2 and 7.3)."""

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

import lab
from peer import Peer

ALERT, HANDSHAKE, DATA = 21, 22, 23
CLOSE_NOTIFY, USER_CANCELED = b"\x01\x00", b"\x01\x5a"
RECORD_BYTES = 1 << 14
SUITES = {
    "TLS_AES_128_GCM_SHA256": (hashes.SHA256(), 16, AESGCM),
    "TLS_AES_256_GCM_SHA384": (hashes.SHA384(), 32, AESGCM),
    "TLS_CHACHA20_POLY1305_SHA256": (hashes.SHA256(), 32, ChaCha20Poly1305),
}


def plain(kind, payload):
    """A record before there are keys."""
    return bytes([kind, 3, 3]) + len(payload).to_bytes(2, "big") + payload


class Sealer(Peer):
    """A peer that writes its records by itself once the handshake is done."""

    def context(self, name, is_server):
        self.keys = lab.SCRATCH / f"keys-{os.getpid()}"
        self.keys.write_bytes(b"")
        made = super().context(name, is_server)
        made.keylog_filename = self.keys
        return made

    def shake(self):
        super().shake()
        role = "SERVER" if self.is_server else "CLIENT"
        told = dict((line.split()[0], line.split()[2]) for line in self.keys.read_text().splitlines() if line[0] != "#")
        self.keys.unlink()
        secret = bytes.fromhex(told[f"{role}_TRAFFIC_SECRET_0"])
        algorithm, size, cipher = SUITES[self.tls.cipher()[0]]
        self.cipher = cipher(expand(algorithm, secret, b"key", size))
        self.start = int.from_bytes(expand(algorithm, secret, b"iv", 12), "big")
        self.count = 0
        return self

    def seal(self, kind, payload):
        """The next record."""
        inner = payload + bytes([kind])
        header = bytes([DATA, 3, 3]) + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self.start ^ self.count).to_bytes(12, "big")
        self.count += 1
        return header + self.cipher.encrypt(nonce, inner, header)

    def queue(self, data):
        for at in range(0, len(data), RECORD_BYTES):
            self.unsent += self.seal(DATA, data[at : at + RECORD_BYTES])


def expand(algorithm, secret, label, size):
    """HKDF-Expand-Label without a context."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\x00"
    return HKDFExpand(algorithm, size, info).derive(secret)
