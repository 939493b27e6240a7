/// A JSON object (`google.protobuf.Struct`).
public struct Struct: ProtobufMessage {
    public var fields: [String: Value] = [:]

    public init() {}
    public init(_ fields: [String: Value]) { self.fields = fields }

    /// The string under `name`; nil when there is none or it is of another type.
    public func string(_ name: String) -> String? {
        if case .string(let text) = fields[name]?.kind { text } else { nil }
    }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "fields", &fields)
    }
}

/// A JSON array (`google.protobuf.ListValue`).
public struct ListValue: ProtobufMessage {
    public var values: [Value] = []

    public init() {}
    public init(_ values: [Value]) { self.values = values }

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "values", &values)
    }
}
