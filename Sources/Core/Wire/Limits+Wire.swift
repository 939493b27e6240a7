public import Primitives

extension Limits {
    /// The longest baggage read, all instances of the header together; longer ones count as none.
    public static let baggageByteCountMax = 16_384
    /// The longest `forwarded` header read; a longer one counts as none.
    public static let forwardedByteCountMax = 4_096
    /// The longest authority of a CONNECT request that is looked at: a host name of 255 bytes, and room for a user
    /// part.
    public static let authorityByteCountMax = 1_024
}
