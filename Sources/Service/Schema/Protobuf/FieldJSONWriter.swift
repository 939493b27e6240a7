/// Writes the fields of a message as members of a JSON object: names in camelCase, enumerations by name, defaults
/// absent.
struct FieldJSONWriter: FieldVisitor {
    typealias Failure = Never

    var json = JSONWriter()

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S) {
        if value != S.absent { write(name, value) }
    }

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S?) {
        if let value { write(name, value) }
    }

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ values: inout [S]) {
        writeList(name, values) { value, json in value.write(to: &json) }
    }

    mutating func field<N: ProtobufNumber>(_ number: Int, _ name: String, _ values: inout [N]) {
        writeList(name, values) { value, json in value.write(to: &json) }
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ message: inout M?) {
        guard let message else { return }
        json.key(name)
        message.write(to: &json)
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ messages: inout [M]) {
        writeList(name, messages) { message, json in message.write(to: &json) }
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ map: inout [String: M]) {
        writeMap(name, map) { message, json in message.write(to: &json) }
    }

    mutating func field(_ number: Int, _ name: String, _ map: inout [String: String]) {
        writeMap(name, map) { value, json in json.string(value) }
    }

    private mutating func write(_ name: String, _ value: some ProtobufScalar) {
        json.key(name)
        value.write(to: &json)
    }

    private mutating func writeList<E>(_ name: String, _ elements: [E], _ write: (E, inout JSONWriter) -> Void) {
        guard !elements.isEmpty else { return }
        json.key(name)
        json.beginArray()
        for element in elements { write(element, &json) }
        json.endArray()
    }

    private mutating func writeMap<E>(_ name: String, _ map: [String: E], _ write: (E, inout JSONWriter) -> Void) {
        guard !map.isEmpty else { return }
        json.key(name)
        json.beginObject()
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            json.key(key)
            write(value, &json)
        }
        json.endObject()
    }
}
