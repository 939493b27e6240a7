import COpenSSL
import Primitives

/// A private key.
///
/// `@unchecked`: the key is never changed once made, and OpenSSL counts its references atomically.
@safe public final class PrivateKey: @unchecked Sendable {
    let raw: OpaquePointer

    private init(adopting raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { unsafe EVP_PKEY_free(raw) }

    /// A fresh ECDSA key on P-256.
    public static func generateP256() throws(TLSFailure) -> PrivateKey {
        ErrorQueue.clear()
        let key = try unsafe Handle(culvert_generate_p256(), EVP_PKEY_free, .resources, "cannot make a key")
        return unsafe PrivateKey(adopting: key.take())
    }

    /// Parses an unencrypted key, PKCS#8 or the older forms.
    public convenience init(pem: [UInt8]) throws(TLSFailure) {
        let input = try PEM.input(pem, "private key")
        // Without this, an encrypted key would ask for its password on the terminal.
        let key = try unsafe Handle(
            PEM_read_bio_PrivateKey(input.raw, nil, { _, _, _, _ in -1 }, nil), EVP_PKEY_free, .configuration,
            "private key")
        unsafe self.init(adopting: key.take())
    }

    /// The key as unencrypted PKCS#8.
    public func pem() throws(TLSFailure) -> [UInt8] {
        let output = try PEM.output("private key")
        try check(
            unsafe PEM_write_bio_PKCS8PrivateKey(output.raw, raw, nil, nil, 0, nil, nil), .resources, "private key")
        return PEM.contents(of: output)
    }
}
