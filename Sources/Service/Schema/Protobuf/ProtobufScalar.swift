/// A value of one field that is no message: a number, a bool, an enumeration, a string or bytes.
public protocol ProtobufScalar: Hashable, Sendable {
    /// The value of an absent field.
    static var absent: Self { get }
    /// The layout on the wire.
    static var layout: ScalarLayout { get }
    /// The value of a varint or eight-byte field; bits beyond the type's width are dropped, as in every protobuf
    /// library.
    init(wireBits: UInt64)
    /// The value of a length-delimited field; nil when the bytes are none.
    init?(wireBytes: ArraySlice<UInt8>)
    /// The content of a varint or eight-byte field.
    var wireBits: UInt64 { get }
    /// The content of a length-delimited field.
    var wireBytes: [UInt8] { get }
    /// Appends the value to a JSON text.
    func write(to json: inout JSONWriter)
}

/// How a scalar lies on the wire.
public enum ScalarLayout: Sendable {
    case varint, fixed64, delimited

    var wireType: WireType {
        switch self {
        case .varint: .varint
        case .fixed64: .fixed64
        case .delimited: .delimited
        }
    }
}

/// A scalar that is a number on the wire; several of them may be packed into one field.
public protocol ProtobufNumber: ProtobufScalar {}

extension ProtobufNumber {
    public static var layout: ScalarLayout { .varint }
    public static var absent: Self { Self(wireBits: 0) }
    public init?(wireBytes: ArraySlice<UInt8>) { nil }
    public var wireBytes: [UInt8] { [] }
}

extension UInt32: ProtobufNumber {
    public init(wireBits: UInt64) { self.init(truncatingIfNeeded: wireBits) }
    public var wireBits: UInt64 { UInt64(self) }
    public func write(to json: inout JSONWriter) { json.token(String(self)) }
}

extension Int32: ProtobufNumber {
    public init(wireBits: UInt64) { self.init(truncatingIfNeeded: wireBits) }
    public var wireBits: UInt64 { UInt64(bitPattern: Int64(self)) }
    public func write(to json: inout JSONWriter) { json.token(String(self)) }
}

extension Int64: ProtobufNumber {
    public init(wireBits: UInt64) { self.init(bitPattern: wireBits) }
    public var wireBits: UInt64 { UInt64(bitPattern: self) }
    public func write(to json: inout JSONWriter) { json.string(String(self)) }
}

extension Bool: ProtobufNumber {
    public init(wireBits: UInt64) { self = wireBits != 0 }
    public var wireBits: UInt64 { self ? 1 : 0 }
    public func write(to json: inout JSONWriter) { json.token(self ? "true" : "false") }
}

extension Double: ProtobufNumber {
    public static var layout: ScalarLayout { .fixed64 }
    public init(wireBits: UInt64) { self.init(bitPattern: wireBits) }
    public var wireBits: UInt64 { bitPattern }
    public func write(to json: inout JSONWriter) {
        if isFinite {
            json.token(description)
        } else {
            json.string(isNaN ? "NaN" : self > 0 ? "Infinity" : "-Infinity")
        }
    }
}

extension String: ProtobufScalar {
    public static var absent: String { "" }
    public static var layout: ScalarLayout { .delimited }
    public init(wireBits: UInt64) { self = "" }
    public init?(wireBytes: ArraySlice<UInt8>) {
        guard let text = try? UTF8Span(validating: wireBytes.span) else { return nil }
        self.init(copying: text)
    }
    public var wireBits: UInt64 { 0 }
    public var wireBytes: [UInt8] { Array(utf8) }
    public func write(to json: inout JSONWriter) { json.string(self) }
}

extension [UInt8]: ProtobufScalar {
    public static var absent: [UInt8] { [] }
    public static var layout: ScalarLayout { .delimited }
    public init(wireBits: UInt64) { self = [] }
    public init?(wireBytes: ArraySlice<UInt8>) { self.init(wireBytes) }
    public var wireBits: UInt64 { 0 }
    public var wireBytes: [UInt8] { self }
    public func write(to json: inout JSONWriter) { json.bytes(self) }
}
