/// An `Authorization` that is read and not kept: what its groups hold lies in one list, in the order of the message.
/// Policies come by the ten thousand, and messages within messages would cost more than all that becomes of them.
public struct FlatAuthorization: Hashable, Sendable {
    public var name = ""
    public var namespace = ""
    public var scope = Authorization.Scope.absent
    public var action = Authorization.Action.absent
    /// Decide and log, but do not enforce.
    public var dryRun = false
    public internal(set) var groupCount = 0
    public internal(set) var valueCount = 0
    public internal(set) var parts: [Part] = []

    /// What the groups are made of: the beginning of a message in a group, or one value in a match.
    public enum Part: Hashable, Sendable {
        case group
        case rules
        case match
        /// A value of a field, or of the `not` field of that name.
        case value(Value, isNegated: Bool)
    }

    /// A value of a match; `Authorization.Match` says what they mean.
    public enum Value: Hashable, Sendable {
        case namespace(Authorization.StringMatch.Kind?)
        case principal(Authorization.StringMatch.Kind?)
        case sourceIP(ArraySlice<UInt8>, length: UInt32)
        case destinationIP(ArraySlice<UInt8>, length: UInt32)
        case destinationPort(UInt32)
        case serviceAccount(namespace: String, serviceAccount: String)
    }

    /// Decodes an `Authorization`, and refuses what that does.
    public init(protobuf bytes: [UInt8]) throws(ProtobufError) {
        var decoder = FlatAuthorizationDecoder(bytes)
        self = try decoder.decode()
    }

    init() {}
}
