public import Primitives

extension Limits {
    /// The longest message there can be: its length over TCP has two bytes (RFC 1035 section 4.2.2).
    public static let dnsMessageByteCountMax = 65_535
    /// The longest question taken from an application; real ones stay below 600.
    public static let dnsQueryByteCountMax = 4_096
    /// Questions of one message; there is never more than one (RFC 9619).
    public static let dnsQuestionCountMax = 4
    /// Records that a question may carry: OPT, a signature, the zone's SOA in a transfer.
    public static let dnsQueryRecordCountMax = 8
    /// What every client takes in one datagram (RFC 1035 section 4.2.1).
    public static let dnsDatagramByteCountMin = 512
    /// What fits in one datagram at all.
    public static let dnsDatagramByteCountMax = 65_507
    /// The longest domain name, lengths and the root's zero included (RFC 1035 section 3.1).
    public static let dnsNameByteCountMax = 255
    /// The longest label.
    public static let dnsLabelByteCountMax = 63
    /// Compression pointers that one name may follow; a name of 255 bytes has at most 127 labels.
    public static let dnsPointerCountMax = 126
    /// Aliases followed from the name that was asked to the one that has addresses.
    public static let dnsAliasCountMax = 16
}
