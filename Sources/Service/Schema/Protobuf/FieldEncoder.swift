/// Writes the fields of a message that are not at their default.
struct FieldEncoder: FieldVisitor {
    typealias Failure = Never

    private(set) var writer = ProtobufWriter()

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S) {
        if value != S.absent { write(number, value) }
    }

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S?) {
        if let value { write(number, value) }
    }

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ values: inout [S]) {
        for value in values { write(number, value) }
    }

    mutating func field<N: ProtobufNumber>(_ number: Int, _ name: String, _ values: inout [N]) {
        guard !values.isEmpty else { return }
        var packed = FieldEncoder()
        for value in values { packed.writeContent(value) }
        writer.key(number, .delimited)
        writer.delimited(packed.writer.bytes)
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ message: inout M?) {
        if let message { write(number, message) }
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ messages: inout [M]) {
        for message in messages { write(number, message) }
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ map: inout [String: M]) {
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            write(number, MessageMapEntry(key: key, value: value))
        }
    }

    mutating func field(_ number: Int, _ name: String, _ map: inout [String: String]) {
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            write(number, StringMapEntry(key: key, value: value))
        }
    }

    private mutating func write(_ number: Int, _ value: some ProtobufScalar) {
        writer.key(number, type(of: value).layout.wireType)
        writeContent(value)
    }

    private mutating func writeContent<S: ProtobufScalar>(_ value: S) {
        switch S.layout {
        case .varint: writer.varint(value.wireBits)
        case .fixed64: writer.fixed64(value.wireBits)
        case .delimited: writer.delimited(value.wireBytes)
        }
    }

    private mutating func write(_ number: Int, _ message: some ProtobufMessage) {
        writer.key(number, .delimited)
        writer.delimited(message.protobuf())
    }
}
