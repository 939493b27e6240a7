import Primitives

/// The request line and the fields of a request, checked.
struct RequestHead: Sendable {
    let method: String
    let path: String
    let query: String?
    let fields: [HTTPField]
    let keepsAlive: Bool
    let bodyByteCount: Int

    /// From the lines without their ends.
    init(lines: [ArraySlice<UInt8>]) throws(HTTPRefusal) {
        guard let first = lines.first else { throw .malformed }
        let (method, target, isLatest) = try Self.parseRequestLine(first)
        var fields: [HTTPField] = []
        for line in lines.dropFirst() { fields.append(try Self.parseField(line)) }
        guard fields.count(where: { $0.name == "host" }) <= 1 else { throw .malformed }

        let question = target.firstIndex(of: "?")
        self.method = method
        path = String(target[..<(question ?? target.endIndex)])
        query = question.map { String(target[target.index(after: $0)...]) }
        self.fields = fields
        keepsAlive = Self.keepsAlive(fields, isLatest)
        bodyByteCount = try Self.bodyByteCount(fields, isLatest)
    }

    func request(body: [UInt8]) -> HTTPRequest {
        HTTPRequest(method: method, path: path, query: query, fields: fields, body: body, keepsAlive: keepsAlive)
    }

    /// Exactly one space between three parts (RFC 9112 3).
    private static func parseRequestLine(
        _ line: ArraySlice<UInt8>
    ) throws(HTTPRefusal) -> (method: String, target: String, isLatest: Bool) {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(isTokenByte), !parts[1].isEmpty,
            parts[1].allSatisfy({ (0x21...0x7e).contains($0) })
        else { throw .malformed }
        let version = String(decoding: parts[2], as: UTF8.self)
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else {
            throw version.hasPrefix("HTTP/") ? .versionNotSupported : .malformed
        }
        let method = String(decoding: parts[0], as: UTF8.self)
        return (method, try originForm(String(decoding: parts[1], as: UTF8.self), method), version == "HTTP/1.1")
    }

    /// The path and query of a target, which may be absolute (RFC 9112 3.2).
    private static func originForm(_ target: String, _ method: String) throws(HTTPRefusal) -> String {
        if target.hasPrefix("/") || (target == "*" && method == "OPTIONS") { return target }
        guard method != "CONNECT", target.hasPrefix("http://") else { throw .malformed }
        let rest = target.dropFirst("http://".count)
        guard let slash = rest.firstIndex(of: "/") else { return "/" }
        return String(rest[slash...])
    }

    /// No space before the colon, no folded lines, no control characters (RFC 9112 5).
    private static func parseField(_ line: ArraySlice<UInt8>) throws(HTTPRefusal) -> HTTPField {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(isTokenByte)
        else { throw .malformed }
        var value = line[(colon + 1)...]
        while let byte = value.first, isBlank(byte) { value = value.dropFirst() }
        while let byte = value.last, isBlank(byte) { value = value.dropLast() }
        guard value.allSatisfy({ $0 == UInt8(ascii: "\t") || ($0 >= 0x20 && $0 != 0x7f) }) else { throw .malformed }
        return HTTPField(String(decoding: line[..<colon], as: UTF8.self).lowercased(), bytes: Array(value))
    }

    private static func keepsAlive(_ fields: [HTTPField], _ isLatest: Bool) -> Bool {
        let options = fields.filter { $0.name == "connection" }.flatMap {
            ($0.text ?? "").lowercased().split { $0 == "," || $0 == " " || $0 == "\t" }
        }
        return isLatest ? !options.contains("close") : options.contains("keep-alive")
    }

    /// A length once, in digits alone; nothing that competes with it (RFC 9112 6).
    private static func bodyByteCount(_ fields: [HTTPField], _ isLatest: Bool) throws(HTTPRefusal) -> Int {
        let lengths = fields.filter { $0.name == "content-length" }
        if fields.contains(where: { $0.name == "transfer-encoding" }) {
            throw lengths.isEmpty && isLatest ? .lengthRequired : .malformed
        }
        guard let length = lengths.first else { return 0 }
        let isNumber = !length.bytes.isEmpty && length.bytes.allSatisfy { (0x30...0x39).contains($0) }
        guard lengths.count == 1, isNumber else { throw .malformed }
        guard let count = length.text.flatMap({ Int($0) }), count <= Limits.http1BodyByteCountMax else {
            throw .bodyTooLarge
        }
        return count
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// RFC 9110 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
