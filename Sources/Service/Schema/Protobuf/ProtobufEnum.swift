/// An enumeration of the wire. It is open: a number that this version has no name for is kept as it came, and each
/// reader decides what it means.
public protocol ProtobufEnum: ProtobufNumber, RawRepresentable, CustomStringConvertible where RawValue == Int32 {
    /// The names in the schema, by number from zero.
    static var names: [String] { get }
    init(rawValue: Int32)
}

extension ProtobufEnum {
    public init(wireBits: UInt64) { self.init(rawValue: Int32(truncatingIfNeeded: wireBits)) }
    public var wireBits: UInt64 { UInt64(bitPattern: Int64(rawValue)) }

    /// Whether the schema names this number.
    public var isRecognized: Bool { Self.names.indices.contains(Int(rawValue)) }

    /// The name in the schema, or the number.
    public var description: String { isRecognized ? Self.names[Int(rawValue)] : String(rawValue) }

    public func write(to json: inout JSONWriter) {
        if isRecognized { json.string(description) } else { json.token(description) }
    }
}
