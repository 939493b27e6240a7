import COpenSSL

/// The secret that protects one direction of an established connection (RFC 8446 7.1). It is wiped when it is dropped.
public struct TrafficSecret: ~Copyable {
    private let suite: CipherSuite
    private var secret: SecretBytes

    init(_ suite: CipherSuite, _ secret: consuming SecretBytes) {
        self.suite = suite
        self.secret = secret
    }

    /// The key and the IV of its records.
    public borrowing func keys() throws(TLSFailure) -> TrafficKeys {
        let keys = TrafficKeys(suite)
        try unsafe expand("key", into: keys.key)
        try unsafe expand("iv", into: keys.iv)
        return keys
    }

    /// Goes on to the secret that follows a key update (RFC 8446 7.2).
    public mutating func advance() throws(TLSFailure) {
        let next = SecretBytes(count: suite.secretByteCount)
        try unsafe expand("traffic upd", into: next.bytes)
        secret = next
    }

    private borrowing func expand(
        _ label: String, into out: UnsafeMutableRawBufferPointer
    ) throws(TLSFailure) {
        ErrorQueue.clear()
        try check(
            unsafe culvert_expand_label(
                suite.digestName, secret.bytes.baseAddress, secret.bytes.count, label, out.baseAddress, out.count),
            .resources, "key derivation")
    }
}

/// The key and the IV of one direction's records (RFC 8446 7.3). They are wiped when they are dropped.
@safe public struct TrafficKeys: ~Copyable {
    private let owned: SecretBytes
    let key: UnsafeMutableRawBufferPointer
    let iv: UnsafeMutableRawBufferPointer

    init(_ suite: CipherSuite) {
        owned = SecretBytes(count: suite.keyByteCount + CipherSuite.ivByteCount)
        unsafe key = UnsafeMutableRawBufferPointer(rebasing: owned.bytes[..<suite.keyByteCount])
        unsafe iv = UnsafeMutableRawBufferPointer(rebasing: owned.bytes[suite.keyByteCount...])
    }

    /// Shows the key (16 or 32 bytes) and the IV (12).
    public borrowing func withBytes<E: Error>(
        _ body: (_ key: UnsafeRawBufferPointer, _ iv: UnsafeRawBufferPointer) throws(E) -> Void
    ) throws(E) {
        try unsafe body(UnsafeRawBufferPointer(key), UnsafeRawBufferPointer(iv))
    }
}

extension CipherSuite {
    static let ivByteCount = 12
    var secretByteCount: Int { self == .aes256GCM ? 48 : 32 }
    var keyByteCount: Int { self == .aes256GCM ? 32 : 16 }
    var digestName: String { self == .aes256GCM ? "SHA384" : "SHA256" }
}
