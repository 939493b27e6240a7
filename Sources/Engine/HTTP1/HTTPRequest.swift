public import Primitives

/// A request of HTTP/1.1 or 1.0.
public struct HTTPRequest: Equatable, Sendable {
    public let method: String
    /// The target up to the question mark, as it was sent.
    public let path: String
    /// The target after the question mark, as it was sent.
    public let query: String?
    /// With names in lower case.
    public let fields: [HTTPField]
    public let body: [UInt8]
    /// The peer wants to send more requests on the connection.
    public let keepsAlive: Bool

    /// The decoded parameters of the query, in order. A parameter without a value has an empty one.
    public var parameters: [(name: String, value: String)] {
        (query ?? "").split(separator: "&").map { part in
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decode(halves[0]), halves.count > 1 ? Self.decode(halves[1]) : "")
        }
    }

    /// Undoes the encoding of forms; what does not decode stays as it is.
    private static func decode(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = hexadecimal(rest.prefix(2)) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ digits: Substring.UTF8View) -> UInt8? {
        // UInt8(_:radix:) takes a sign.
        let text = String(Substring(digits))
        guard !text.hasPrefix("+"), !text.hasPrefix("-") else { return nil }
        return UInt8(text, radix: 16)
    }
}
