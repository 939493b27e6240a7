import Primitives

/// A bounded cursor over the bytes of a message; the window narrows while a nested message is read.
struct ProtobufReader: Sendable {
    private let bytes: [UInt8]
    private var position: Int
    private var end: Int
    private var depth = 0
    private var elementCount = 0

    init(_ bytes: [UInt8]) { self.init(bytes, bytes.indices) }

    /// Reads only what lies in `window`.
    init(_ bytes: [UInt8], _ window: Range<Int>) {
        self.bytes = bytes
        position = window.lowerBound
        end = window.upperBound
    }

    /// Whether the current window is used up.
    var isAtEnd: Bool { position == end }

    /// The key of the next field.
    mutating func key() throws(ProtobufError) -> FieldKey {
        let raw = try varint()
        let number = raw >> 3
        guard number > 0, number <= FieldKey.numberMax else { throw .invalidFieldNumber }
        guard let wireType = WireType(rawValue: UInt8(raw & 7)) else {
            throw .unexpectedWireType(field: Int(number), wireType: UInt8(raw & 7))
        }
        return FieldKey(number: Int(number), wireType: wireType)
    }

    mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < end else { throw .truncated }
            let byte = bytes[position]
            position += 1
            // The tenth byte carries the last bit of 64.
            guard shift < 63 || byte <= 1 else { throw .invalidVarint }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    mutating func fixed64() throws(ProtobufError) -> UInt64 {
        let range = try take(8)
        return bytes[range].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The bytes of a length-delimited field.
    mutating func delimited() throws(ProtobufError) -> ArraySlice<UInt8> { bytes[try delimitedRange()] }

    /// Narrows the window to the length-delimited field that follows; the result restores it in `leave`.
    mutating func enter() throws(ProtobufError) -> Int {
        guard depth < Limits.protobufDepthMax else { throw .tooDeep }
        let range = try delimitedRange()
        let outerEnd = end
        depth += 1
        position = range.lowerBound
        end = range.upperBound
        return outerEnd
    }

    /// Widens the window again, behind the nested message.
    mutating func leave(to outerEnd: Int) {
        precondition(isAtEnd && outerEnd >= end)
        depth -= 1
        end = outerEnd
    }

    /// Counts one element of a repeated field or a map.
    mutating func countElement() throws(ProtobufError) {
        elementCount += 1
        guard elementCount <= Limits.protobufElementCountMax else { throw .tooManyElements }
    }

    /// Passes over a field that the schema does not know.
    mutating func skip(_ wireType: WireType) throws(ProtobufError) {
        switch wireType {
        case .varint: _ = try varint()
        case .fixed64: _ = try take(8)
        case .delimited: _ = try delimitedRange()
        case .fixed32: _ = try take(4)
        }
    }

    /// Where the bytes of the field behind `key` are, which is to be length-delimited.
    mutating func delimitedRange(of key: FieldKey) throws(ProtobufError) -> Range<Int> {
        guard key.wireType == .delimited else {
            throw .unexpectedWireType(field: key.number, wireType: key.wireType.rawValue)
        }
        return try delimitedRange()
    }

    private mutating func delimitedRange() throws(ProtobufError) -> Range<Int> {
        let length = try varint()
        guard let count = Int(exactly: length) else { throw .truncated }
        return try take(count)
    }

    private mutating func take(_ count: Int) throws(ProtobufError) -> Range<Int> {
        guard count <= end - position else { throw .truncated }
        defer { position += count }
        return position..<position + count
    }
}
