public import Primitives

/// An answer with its whole body.
public struct HTTPResponse: Equatable, Sendable {
    public var status: Int
    /// Beside `date`, `content-length` and `connection`, which are added; names and values must be fit for the wire.
    public var fields: [HTTPField]
    public var body: [UInt8]

    public init(_ status: Int, fields: [HTTPField] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// A body of text.
    public init(_ status: Int, text: String, type: String = "text/plain") {
        self.init(status, fields: [HTTPField("content-type", type)], body: Array(text.utf8))
    }

    /// As it goes out. `isHead` leaves the body away, as for the method HEAD.
    public func bytes(date: WallTime, keepsAlive: Bool, isHead: Bool = false) -> [UInt8] {
        var text = "HTTP/1.1 \(status) \(Self.reason(status))\r\n"
        var bytes = Array(text.utf8)
        for field in fields {
            bytes += Array("\(field.name): ".utf8) + field.bytes + [0x0d, 0x0a]
        }
        text = "content-length: \(body.count)\r\ndate: \(HTTPDate.text(date))\r\n"
        if !keepsAlive { text += "connection: close\r\n" }
        bytes += Array((text + "\r\n").utf8)
        return isHead ? bytes : bytes + body
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
