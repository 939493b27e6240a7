/// An entry of a map of messages, as it lies on the wire.
struct MessageMapEntry<M: ProtobufMessage>: ProtobufMessage {
    var key = ""
    var value: M?

    mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "key", &key)
        try visitor.field(2, "value", &value)
    }
}

/// An entry of a map of strings, as it lies on the wire.
struct StringMapEntry: ProtobufMessage {
    var key = ""
    var value = ""

    mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "key", &key)
        try visitor.field(2, "value", &value)
    }
}
