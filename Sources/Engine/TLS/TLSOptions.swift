import Primitives

/// The AEADs of TLS 1.3 that we speak.
public enum CipherSuite: String, Sendable, CaseIterable {
    case aes256GCM = "TLS_AES_256_GCM_SHA384"
    case aes128GCM = "TLS_AES_128_GCM_SHA256"
}

/// What an operator is bound to.
public enum CompliancePolicy: String, Sendable, CaseIterable {
    /// Keys are agreed on by X25519MLKEM768 and nothing else (OpenSSL 3.5 or newer).
    case postQuantum = "pqc"
    /// All cryptography is that of OpenSSL's FIPS provider.
    case fips
}

/// What may be chosen about a context. Signature algorithms and the refusal of session resumption may not.
public struct TLSOptions: Sendable {
    /// Speaks TLS 1.2 too, with peers that know nothing newer.
    public var acceptsTLS12 = false

    /// Nil: X25519MLKEM768 where OpenSSL has it, and the classical groups.
    public var compliance: CompliancePolicy?

    /// The suites that are offered or accepted, best first. A server follows its client's order.
    public var cipherSuites: [CipherSuite] = [.aes256GCM, .aes128GCM]

    /// Goes on with a peer that negotiates no application protocol at all. ztunnel does; we do not unless told to,
    /// since such a peer has not said that it speaks HTTP/2. A peer that offers protocols without `h2` is always
    /// refused.
    public var acceptsAbsentProtocol = false

    /// Records sent under one key before it is updated.
    public var recordsPerKey = Limits.tlsRecordsPerKeyMax

    /// Keeps the secrets of an established connection, so that others may make and read its records (the kernel).
    public var offersOffload = false

    /// By which lists workloads' peers are judged beside their roots; nil: by none.
    public var revocations: RevocationRegister?

    public init() {}
}
