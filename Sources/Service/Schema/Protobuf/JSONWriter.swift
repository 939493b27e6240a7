import Primitives

/// Appends values to a JSON text, without white space or for people to read. Commas are its own business.
public struct JSONWriter: Sendable {
    private var text: [UInt8] = []
    /// Whether the next value follows another one in the same object or array.
    private var needsComma = false
    /// Each value stands on a line of its own, two spaces further in for each object or array around it.
    private let isPretty: Bool
    private var depth = 0
    private var followsKey = false

    /// - Parameter isPretty: for people to read.
    public init(isPretty: Bool = false) { self.isPretty = isPretty }

    /// What has been written.
    public var string: String { String(decoding: text, as: UTF8.self) }
    /// What has been written, as UTF-8.
    public var utf8: [UInt8] { text }

    /// Opens an object; members follow, each a key and a value.
    public mutating func beginObject() { open("{") }
    /// Closes the innermost object.
    public mutating func endObject() { close("}") }
    /// Opens an array; values follow.
    public mutating func beginArray() { open("[") }
    /// Closes the innermost array.
    public mutating func endArray() { close("]") }

    /// The name of the member whose value comes next.
    public mutating func key(_ name: String) {
        separate()
        quote(name)
        text.append(UInt8(ascii: ":"))
        if isPretty { text.append(UInt8(ascii: " ")) }
        (needsComma, followsKey) = (false, true)
    }

    /// A string value.
    public mutating func string(_ value: String) {
        separate()
        quote(value)
        needsComma = true
    }

    /// A number or a literal, already in JSON's spelling.
    public mutating func token(_ value: String) {
        separate()
        text.append(contentsOf: value.utf8)
        needsComma = true
    }

    /// An IP address as text; other bytes in hexadecimal.
    public mutating func bytes(_ value: [UInt8]) {
        if let address = IPAddress(bytes: value) {
            string(address.description)
        } else {
            string(value.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined())
        }
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        text.append(UInt8(ascii: bracket))
        needsComma = false
        depth += 1
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        depth -= 1
        if needsComma { indent() }
        text.append(UInt8(ascii: bracket))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { text.append(UInt8(ascii: ",")) }
        if depth > 0, !followsKey { indent() }
        followsKey = false
    }

    private mutating func indent() {
        guard isPretty else { return }
        text.append(0x0a)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * depth))
    }

    private mutating func quote(_ value: String) {
        text.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0x0a: text.append(contentsOf: "\\n".utf8)
            case 0..<0x20:
                text.append(contentsOf: "\\u00".utf8)
                text.append(contentsOf: [byte >> 4, byte & 15].flatMap { Array(String($0, radix: 16).utf8) })
            default: text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
