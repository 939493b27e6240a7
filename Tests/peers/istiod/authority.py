"""CreateCertificate, with checks of what is asked, and every way to answer it wrong."""

import datetime
import os
import threading
import time

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from messages import as_json, kind, tell

PATH = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
URI, DNS, IP = x509.UniformResourceIdentifier, x509.DNSName, x509.IPAddress


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Issuer:
    """A root, or an intermediate of `parent`."""

    def __init__(self, name, parent=None):
        self.name, self.parent = name, parent
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.ORGANIZATION_NAME, f"istiod of the tests: {name}")])
        self.revoked = []
        signer = parent or self
        self.certificate = signer._sign(self.subject, self.key.public_key(), 30 * 86400, [
            (x509.BasicConstraints(ca=True, path_length=None), True), (_usage(keyCertSign=True), True),
            (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False)])

    def _sign(self, subject, public_key, seconds, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(public_key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(seconds=1))
        builder = builder.not_valid_after(now + datetime.timedelta(seconds=seconds))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.key, hashes.SHA256())

    def leaf(self, public_key, names, seconds):
        return self._sign(x509.Name([]), public_key, seconds, [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(digitalSignature=True), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), False),
            (x509.SubjectAlternativeName(names), True)])

    def chain(self):
        """Certificates between a leaf and its root."""
        return [] if self.parent is None else [self.certificate, *self.parent.chain()]

    def revocations(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.subject)
        builder = builder.last_update(now).next_update(now + datetime.timedelta(days=1))
        for serial in self.revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _usage(**set):
    names = {"digital_signature": "digitalSignature", "key_cert_sign": "keyCertSign", "crl_sign": "keyCertSign"}
    every = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
    return x509.KeyUsage(**{name: set.get(names.get(name), False) for name in every})


class Authority:
    def __init__(self):
        self.lock = threading.Lock()
        self.issuers = {"a": Issuer("a")}
        self.settings = {
            "sign": "a", "roots": ["a"], "lifetime": None, "mode": "sign", "delay": 0, "code": "UNAVAILABLE", "token": None}
        self.issued = {}
        self.open = 0

    def issuer(self, name):
        """`a` is a root, `a/1` an intermediate of it; each is made when it is first named."""
        if name not in self.issuers:
            parent = self.issuer(name.rpartition("/")[0]) if "/" in name else None
            self.issuers[name] = Issuer(name, parent)
        return self.issuers[name]

    def roots(self):
        return "".join(pem(self.issuer(name).certificate) for name in self.settings["roots"])

    def set(self, **settings):
        self.settings.update(settings)

    def revoke(self, identity, path):
        """Revokes all that an identity was given so far, and writes the lists of every issuer."""
        for issuer, serial in self.issued.get(identity, []):
            issuer.revoked.append(serial)
        self._write_lists(path)

    def revoke_issuer(self, name, path):
        """Revokes an intermediate."""
        issuer = self.issuer(name)
        issuer.parent.revoked.append(issuer.certificate.serial_number)
        self._write_lists(path)

    def _write_lists(self, path):
        with open(path + ".new", "w") as file:
            file.write("".join(issuer.revocations() for issuer in self.issuers.values()))
        os.rename(path + ".new", path)

    def issue(self, identity, path):
        """A certificate in PATH.pem, for whom does not ask by itself, and its key in PATH.key."""
        issuer, key = self.issuer(self.settings["sign"]), ec.generate_private_key(ec.SECP256R1())
        leaf = issuer.leaf(key.public_key(), [URI(identity)], 86400)
        with open(path + ".key", "wb") as file:
            file.write(key_pem(key))
        with open(path + ".pem", "w") as file:
            file.write("".join(map(pem, [leaf, *issuer.chain()])))

    def serve(self, message, context):
        with self.lock:
            self.open += 1
            concurrent = self.open
        try:
            return self._serve(message, context, concurrent)
        finally:
            with self.lock:
                self.open -= 1

    def _serve(self, message, context, concurrent):
        settings = dict(self.settings)
        request = kind("IstioCertificateRequest").FromString(message)
        metadata = dict(context.invocation_metadata())
        identity = as_json(request).get("metadata", {}).get("ImpersonatedIdentity", "")
        flaws = self._flaws(request, identity)
        tell("certificate request", identity=identity, flaws=flaws, seconds=request.validity_duration,
             concurrent=concurrent, metadata=metadata, mode=settings["mode"])
        if settings["token"] is not None and metadata.get("authorization") != f"Bearer {settings['token']}":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "request authenticate failure")
        if settings["mode"] == "refuse":
            context.abort(grpc.StatusCode[settings["code"]], "CA is down")
        if flaws:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "; ".join(flaws))
        if settings["mode"] == "hang":
            while context.is_active():
                time.sleep(0.1)
            tell("call given up", identity=identity)
            return b""
        time.sleep(settings["delay"])
        return self._sign(request, identity, settings)

    def _sign(self, request, identity, settings):
        mode, issuer = settings["mode"], self.issuer(settings["sign"])
        public_key = x509.load_pem_x509_csr(request.csr.encode()).public_key()
        if mode == "other key":
            public_key = ec.generate_private_key(ec.SECP256R1()).public_key()
        names = [URI("spiffe://cluster.local/ns/other/sa/other" if mode == "wrong identity" else identity)]
        leaf = issuer.leaf(public_key, names, settings["lifetime"] or request.validity_duration)
        self.issued.setdefault(identity, []).append((issuer, leaf.serial_number))
        chain = [pem(leaf), *map(pem, issuer.chain()), self.roots()]
        if mode == "one element":
            chain = chain[:1]
        elif mode == "garbage":
            chain = ["not", "PEM"]
        elif mode == "broken root":
            chain[-1] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + chain[-1]
        elif mode == "garbage bytes":
            return b"\x0a\xff\xff\xff\xff\x0f"
        tell("certificate", identity=identity, issuer=settings["sign"], elements=len(chain))
        return kind("IstioCertificateResponse")(cert_chain=chain).SerializeToString()

    def _flaws(self, request, identity):
        """What is not as the contract has it."""
        flaws = []
        try:
            csr = x509.load_pem_x509_csr(request.csr.encode())
        except ValueError as failure:
            return [f"no CSR: {failure}"]
        if not csr.is_signature_valid or not isinstance(csr.signature_hash_algorithm, hashes.SHA256):
            flaws.append("signature")
        if len(csr.subject) > 0:
            flaws.append("a subject")
        key = csr.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            flaws.append("key is not P-256")
        extensions = list(csr.extensions)
        if len(extensions) != 1 or not isinstance(extensions[0].value, x509.SubjectAlternativeName):
            return flaws + ["extensions"]
        if not extensions[0].critical or list(extensions[0].value) != [URI(identity)]:
            flaws.append("name")
        return flaws
