extension Limits {
    /// Application data in one record (RFC 8446 5.1).
    public static let tlsRecordByteCountMax = 16_384

    /// Records sent under one key. RFC 8446 5.5 allows AES-GCM about 2^24.5; this stays well below.
    public static let tlsRecordsPerKeyMax: UInt64 = 1 << 23

    /// Messages after the handshake (key updates, tickets) that a peer may send before it must send application data
    /// again.
    public static let tlsIdleMessageCountMax = 128

    /// Application data that restores a peer's allowance of such messages.
    public static let tlsMessageAllowanceByteCount = 65_536

    /// The certificate message of a peer.
    public static let tlsPeerChainByteCountMax = 32_768

    /// Intermediate certificates between a peer and a root.
    public static let tlsPeerChainDepthMax: Int32 = 8

    /// Expected identities named in one failure text.
    public static let tlsNamedIdentityCountMax = 4

    /// PEM text taken from a file, a request or the CA.
    public static let pemByteCountMax = 1 << 20

    /// Certificates in one bundle; the root stores of operating systems hold about 150.
    public static let certificateCountMax = 1_024

    /// A file of revocation lists; one entry takes about 40 bytes.
    public static let revocationByteCountMax = 16 << 20

    /// How long the folder of that file is not looked for again after it was missing.
    public static let revocationFolderRetryDuration: Duration = .seconds(2)

    /// Revocation lists in one file.
    public static let revocationListCountMax = 1_024

    /// Issuers of which it is remembered whether they have signed a revocation list.
    public static let revocationIssuerCountMax = 1_024

    /// Subject alternative names looked at in one certificate.
    public static let certificateNameCountMax = 256

    /// Errors kept of OpenSSL's queue for one failure text.
    public static let tlsErrorCountMax = 4
}
