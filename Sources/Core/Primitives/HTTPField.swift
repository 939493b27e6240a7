/// One header or trailer field of an HTTP message. The value is kept as the bytes that were sent, which need not be
/// UTF-8.
public struct HTTPField: Hashable, Sendable {
    /// Lower case; an HTTP/2 pseudo field starts with a colon.
    public let name: String
    public let bytes: [UInt8]

    public init(_ name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    public init(_ name: String, _ value: String) { self.init(name, bytes: Array(value.utf8)) }

    /// The value as text; nil unless it is UTF-8.
    public var text: String? { String(validating: bytes, as: UTF8.self) }
}

extension [HTTPField] {
    /// The first field of that name.
    public func first(named name: String) -> HTTPField? { first { $0.name == name } }

    /// The text of the first field of that name; nil when there is none, or it is not UTF-8.
    public func text(_ name: String) -> String? { first(named: name)?.text }
}
