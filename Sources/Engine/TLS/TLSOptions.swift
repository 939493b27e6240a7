import Primitives

/// The AEADs of TLS 1.3 that we speak.
public enum CipherSuite: String, Sendable, CaseIterable {
    case aes256GCM = "TLS_AES_256_GCM_SHA384"
    case aes128GCM = "TLS_AES_128_GCM_SHA256"
}

/// What may be chosen about a context. Versions, groups, signature algorithms and the refusal of session resumption
/// may not.
public struct TLSOptions: Sendable {
    /// The suites that are offered or accepted, best first. A server follows its client's order.
    public var cipherSuites: [CipherSuite] = [.aes256GCM, .aes128GCM]

    /// Goes on with a peer that negotiates no application protocol at all. ztunnel does; we do not unless told to,
    /// since such a peer has not said that it speaks HTTP/2. A peer that offers protocols without `h2` is always
    /// refused.
    public var acceptsAbsentProtocol = false

    /// Records sent under one key before it is updated.
    public var recordsPerKey = Limits.tlsRecordsPerKeyMax

    public init() {}
}
