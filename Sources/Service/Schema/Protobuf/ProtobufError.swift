/// Why bytes are not the protobuf message they were taken for.
public enum ProtobufError: Error, Equatable, Sendable {
    /// The bytes end inside a field, or a length points beyond its message.
    case truncated
    /// A varint of more than ten bytes or 64 bits.
    case invalidVarint
    /// A field number of zero or above 2^29 - 1.
    case invalidFieldNumber
    /// A field came in a wire type that its declaration does not allow, or in an unknown one.
    case unexpectedWireType(field: Int, wireType: UInt8)
    /// A string field whose bytes are not UTF-8.
    case invalidUTF8
    /// Messages nest deeper than `Limits.protobufDepthMax`.
    case tooDeep
    /// More than `Limits.protobufElementCountMax` elements.
    case tooManyElements
}

extension ProtobufError: CustomStringConvertible {
    public var description: String {
        let reason =
            switch self {
            case .truncated: "buffer underflow"
            case .invalidVarint: "invalid varint"
            case .invalidFieldNumber: "invalid field number"
            case .unexpectedWireType(let field, let wireType): "invalid wire type \(wireType) for field \(field)"
            case .invalidUTF8: "invalid string value: data is not UTF-8 encoded"
            case .tooDeep: "recursion limit reached"
            case .tooManyElements: "too many elements"
            }
        return "failed to decode Protobuf message: \(reason)"
    }
}
