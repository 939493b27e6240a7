/// Fills a message from the wire: for each field found there the message shows its own fields, and the one with that
/// number takes the content.
struct FieldDecoder: FieldVisitor {
    private var reader: ProtobufReader
    /// The field at hand; nil once it is taken.
    private var key: FieldKey?

    init(_ bytes: [UInt8]) { reader = ProtobufReader(bytes) }
    init(_ bytes: [UInt8], _ window: Range<Int>) { reader = ProtobufReader(bytes, window) }

    /// Reads fields up to the end of the current window.
    mutating func decode<M: ProtobufMessage>(into message: inout M) throws(ProtobufError) {
        while !reader.isAtEnd {
            key = try reader.key()
            try message.fields(&self)
            if let unknown = key { try reader.skip(unknown.wireType) }
        }
    }

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S) throws(ProtobufError) {
        guard let wireType = claim(number) else { return }
        value = try scalar(number, wireType)
    }

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ value: inout S?) throws(ProtobufError) {
        guard let wireType = claim(number) else { return }
        value = try scalar(number, wireType)
    }

    mutating func field<S: ProtobufScalar>(_ number: Int, _ name: String, _ values: inout [S]) throws(ProtobufError) {
        guard let wireType = claim(number) else { return }
        try reader.countElement()
        values.append(try scalar(number, wireType))
    }

    mutating func field<N: ProtobufNumber>(_ number: Int, _ name: String, _ values: inout [N]) throws(ProtobufError) {
        guard let wireType = claim(number) else { return }
        guard wireType == .delimited else {
            try reader.countElement()
            values.append(try scalar(number, wireType))
            return
        }
        let outerEnd = try reader.enter()
        while !reader.isAtEnd {
            try reader.countElement()
            values.append(try scalar(number, N.layout.wireType))
        }
        reader.leave(to: outerEnd)
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ message: inout M?) throws(ProtobufError) {
        guard let wireType = claim(number) else { return }
        var merged = message ?? M()
        try nested(number, wireType, into: &merged)
        message = merged
    }

    mutating func field<M: ProtobufMessage>(_ number: Int, _ name: String, _ messages: inout [M]) throws(ProtobufError)
    {
        guard let wireType = claim(number) else { return }
        try reader.countElement()
        var element = M()
        try nested(number, wireType, into: &element)
        messages.append(element)
    }

    mutating func field<M: ProtobufMessage>(
        _ number: Int, _ name: String, _ map: inout [String: M]
    ) throws(ProtobufError) {
        guard let wireType = claim(number) else { return }
        try reader.countElement()
        var entry = MessageMapEntry<M>()
        try nested(number, wireType, into: &entry)
        map[entry.key] = entry.value ?? M()
    }

    mutating func field(_ number: Int, _ name: String, _ map: inout [String: String]) throws(ProtobufError) {
        guard let wireType = claim(number) else { return }
        try reader.countElement()
        var entry = StringMapEntry()
        try nested(number, wireType, into: &entry)
        map[entry.key] = entry.value
    }

    /// The layout of the field at hand if it is `number`; it counts as taken from then on.
    private mutating func claim(_ number: Int) -> WireType? {
        guard let found = key, found.number == number else { return nil }
        key = nil
        return found.wireType
    }

    mutating func scalar<S: ProtobufScalar>(_ number: Int, _ wireType: WireType) throws(ProtobufError) -> S {
        guard wireType == S.layout.wireType else {
            throw .unexpectedWireType(field: number, wireType: wireType.rawValue)
        }
        switch S.layout {
        case .varint: return S(wireBits: try reader.varint())
        case .fixed64: return S(wireBits: try reader.fixed64())
        case .delimited:
            guard let value = S(wireBytes: try reader.delimited()) else { throw .invalidUTF8 }
            return value
        }
    }

    private mutating func nested<M: ProtobufMessage>(
        _ number: Int, _ wireType: WireType, into message: inout M
    ) throws(ProtobufError) {
        let outerEnd = try enter(number, wireType)
        try decode(into: &message)
        leave(to: outerEnd)
    }

    // MARK: Without a declaration

    /// Whether the message at hand is read.
    var isAtEnd: Bool { reader.isAtEnd }

    /// The next field of the message at hand; nil at its end.
    mutating func next() throws(ProtobufError) -> FieldKey? { reader.isAtEnd ? nil : try reader.key() }

    /// Passes over a field.
    mutating func skip(_ field: FieldKey) throws(ProtobufError) { try reader.skip(field.wireType) }

    /// The bytes of a field, where they lie.
    mutating func bytes(_ field: FieldKey) throws(ProtobufError) -> ArraySlice<UInt8> {
        try expectDelimited(field.number, field.wireType)
        return try reader.delimited()
    }

    /// Counts one element of a repeated field.
    mutating func countElement() throws(ProtobufError) { try reader.countElement() }

    /// Begins the message in a field, which is then the one at hand; the result goes to `leave(to:)`.
    mutating func enter(_ number: Int, _ wireType: WireType) throws(ProtobufError) -> Int {
        try expectDelimited(number, wireType)
        return try reader.enter()
    }

    /// Goes on with the outer message.
    mutating func leave(to outerEnd: Int) {
        reader.leave(to: outerEnd)
        // The outer message goes on showing its fields: none of them is meant.
        key = nil
    }

    private func expectDelimited(_ number: Int, _ wireType: WireType) throws(ProtobufError) {
        guard wireType == .delimited else {
            throw .unexpectedWireType(field: number, wireType: wireType.rawValue)
        }
    }
}
