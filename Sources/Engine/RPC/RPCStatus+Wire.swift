import HTTP2
import Primitives

extension RPCStatus {
    /// From trailers, or from a response that is nothing but trailers; nil where they carry no status.
    init?(trailers: [HTTPField]) {
        guard let text = trailers.text("grpc-status") else { return nil }
        let code = Int(text).flatMap { Code(rawValue: $0) } ?? .unknown
        let message = trailers.first(named: "grpc-message").map { PercentEncoding.decode($0.bytes) } ?? ""
        self.init(code, message, origin: .peer)
    }

    /// From the status of a response that is not gRPC (gRPC's http-grpc-status-mapping).
    init(httpStatus: String) {
        let code: Code =
            switch httpStatus {
            case "400": .internalError
            case "401": .unauthenticated
            case "403": .permissionDenied
            case "404": .unimplemented
            case "429", "502", "503", "504": .unavailable
            default: .unknown
            }
        self.init(code, "HTTP status \(httpStatus)", origin: .peer)
    }

    /// From the reset of a stream (gRPC's PROTOCOL-HTTP2).
    init(reset: HTTP2ErrorCode) {
        let code: Code =
            switch reset {
            case .refusedStream: .unavailable
            case .cancel: .cancelled
            case .enhanceYourCalm: .resourceExhausted
            case .inadequateSecurity: .permissionDenied
            case .streamClosed: .unknown
            default: .internalError
            }
        self.init(code, "stream reset with \(reset)", origin: .transport)
    }

    /// As trailers.
    var trailers: [HTTPField] {
        var fields = [HTTPField("grpc-status", String(code.rawValue))]
        if !message.isEmpty { fields.append(HTTPField("grpc-message", bytes: PercentEncoding.encode(message))) }
        return fields
    }
}

/// The encoding of `grpc-message`: UTF-8 in which all but printable ASCII, and `%`, is written `%XX`.
enum PercentEncoding {
    static func encode(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if (0x20...0x7e).contains(byte), byte != UInt8(ascii: "%") {
                bytes.append(byte)
            } else {
                bytes.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return bytes
    }

    /// What does not decode stays as it is.
    static func decode(_ bytes: [UInt8]) -> String {
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = value(bytes[index + 1]),
                let low = value(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static let digits = Array("0123456789ABCDEF".utf8)

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
