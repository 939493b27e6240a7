/// A JSON value (`google.protobuf.Value`).
public struct Value: ProtobufMessage {
    /// Nil for a kind that this version does not know.
    public var kind: Kind?

    public init() {}
    public init(_ kind: Kind) { self.kind = kind }
    public init(_ text: String) { kind = .string(text) }

    /// The kinds of values in JSON.
    public enum Kind: Hashable, Sendable {
        case null
        case number(Double)
        case string(String)
        case bool(Bool)
        case object(Struct)
        case list(ListValue)
    }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "nullValue", &null)
        try visitor.field(2, "numberValue", &number)
        try visitor.field(3, "stringValue", &string)
        try visitor.field(4, "boolValue", &bool)
        try visitor.field(5, "structValue", &object)
        try visitor.field(6, "listValue", &list)
    }

    private var null: Int32? {
        get { kind == .null ? 0 : nil }
        set { if newValue != nil { kind = .null } }
    }
    private var number: Double? {
        get { if case .number(let value) = kind { value } else { nil } }
        set { if let newValue { kind = .number(newValue) } }
    }
    private var string: String? {
        get { if case .string(let value) = kind { value } else { nil } }
        set { if let newValue { kind = .string(newValue) } }
    }
    private var bool: Bool? {
        get { if case .bool(let value) = kind { value } else { nil } }
        set { if let newValue { kind = .bool(newValue) } }
    }
    private var object: Struct? {
        get { if case .object(let value) = kind { value } else { nil } }
        set { if let newValue { kind = .object(newValue) } }
    }
    private var list: ListValue? {
        get { if case .list(let value) = kind { value } else { nil } }
        set { if let newValue { kind = .list(newValue) } }
    }
}
