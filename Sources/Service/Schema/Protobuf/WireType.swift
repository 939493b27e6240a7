/// How the payload of a field is laid out. Groups (3 and 4) are not proto3 and are refused.
enum WireType: UInt8, Sendable {
    case varint = 0
    case fixed64 = 1
    case delimited = 2
    case fixed32 = 5
}

/// A field's number and layout, as they stand before each field on the wire.
struct FieldKey: Equatable, Sendable {
    var number: Int
    var wireType: WireType

    static let numberMax: UInt64 = 1 << 29 - 1
}
