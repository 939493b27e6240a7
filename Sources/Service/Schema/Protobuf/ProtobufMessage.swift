/// A message whose fields are declared once, in `fields`; decoding, encoding and JSON all follow from that declaration.
public protocol ProtobufMessage: Hashable, Sendable {
    /// The message with every field absent.
    init()
    /// Shows each field with its number and its name in JSON to `visitor`, in the order of the numbers.
    mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure)
    /// Appends the message to a JSON text.
    func write(to json: inout JSONWriter)
}

extension ProtobufMessage {
    /// Decodes a message that its transport has bounded in size. Unknown fields are passed over; of a singular field
    /// the last value counts; messages that come twice are merged.
    public init(protobuf bytes: [UInt8]) throws(ProtobufError) { try self.init(decoding: bytes) }

    init(decoding bytes: [UInt8]) throws(ProtobufError) {
        self.init()
        var decoder = FieldDecoder(bytes)
        try decoder.decode(into: &self)
    }

    /// The encoded message. Equal messages have equal bytes: fields come by number, map entries by key, defaults not
    /// at all.
    public func protobuf() -> [UInt8] {
        var encoder = FieldEncoder()
        var copy = self
        copy.fields(&encoder)
        return encoder.writer.bytes
    }

    public func write(to json: inout JSONWriter) {
        var visitor = FieldJSONWriter()
        var copy = self
        // The text moves to the visitor and back: a copy for each nested message would add up to a square.
        swap(&visitor.json, &json)
        visitor.json.beginObject()
        copy.fields(&visitor)
        visitor.json.endObject()
        swap(&visitor.json, &json)
    }
}

/// What is done to each field of a message.
public protocol FieldVisitor {
    associatedtype Failure: Error

    /// A field that is absent when it has its default.
    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S) throws(Failure)
    /// A field whose presence counts: `optional`, or a member of a oneof.
    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S?) throws(Failure)
    /// A repeated field that cannot be packed.
    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ values: inout [S]) throws(Failure)
    /// A repeated field that is packed.
    mutating func field<N: ProtobufNumber>(_ number: Int, _ name: String, _ values: inout [N]) throws(Failure)
    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ message: inout M?) throws(Failure)
    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ messages: inout [M]) throws(Failure)
    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ map: inout [String: M]) throws(Failure)
    mutating func field(_ number: Int, _ name: String, _ map: inout [String: String]) throws(Failure)
}
