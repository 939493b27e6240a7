/// A record of an established connection that is not data, as far as its peer may send it (RFC 8446 4.6 and 6).
enum SideRecord: Equatable {
    /// close_notify: the peer will send no more.
    case closed
    /// Session tickets, which nobody uses here, or the word that a user gave up, which close_notify follows.
    case nothing
    /// What follows is under the next key. `isAnswered`: the peer asks for the same.
    case keyUpdate(isAnswered: Bool)

    /// Why a record is refused, and the alert that says so; a received alert is answered with none.
    struct Refusal: Error, Equatable {
        let failure: TLSFailure
        let alert: TLSAlert?
    }

    /// Reads the payload of one whole record.
    /// - Parameters:
    ///   - type: the content type.
    ///   - fromServer: whether a server sent it.
    init(type: UInt8, _ payload: [UInt8], fromServer: Bool) throws(Refusal) {
        switch type {
        case ContentType.alert: self = try Self.alert(payload)
        case ContentType.handshake: self = try Self.handshake(payload, fromServer: fromServer)
        default: throw Refusal("a record of type \(type)", .unexpectedMessage)
        }
    }

    private static func alert(_ payload: [UInt8]) throws(Refusal) -> SideRecord {
        // The level, which means nothing in TLS 1.3, and the description.
        guard payload.count == 2 else { throw Refusal("an alert of \(payload.count) bytes", .decodeError) }
        switch payload[1] {
        case TLSAlert.closeNotify.rawValue: return .closed
        case userCanceled: return .nothing
        case let alert: throw Refusal(failure: .received(alert: alert), alert: nil)
        }
    }

    /// Messages behind one another: type, length in three bytes, body.
    private static func handshake(_ payload: [UInt8], fromServer: Bool) throws(Refusal) -> SideRecord {
        guard !payload.isEmpty else { throw Refusal("an empty handshake record", .unexpectedMessage) }
        var rest = payload[...]
        while let type = rest.first {
            let length = rest.dropFirst().prefix(3).reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= headerByteCount, rest.count - headerByteCount >= length else { throw .fragment }
            let body = rest.dropFirst(headerByteCount).prefix(length)
            rest = rest.dropFirst(headerByteCount + length)
            switch type {
            case HandshakeType.newSessionTicket where fromServer: continue
            case HandshakeType.keyUpdate:
                // Nothing under the old key may follow it.
                guard rest.isEmpty else { throw Refusal("a message behind a key update", .unexpectedMessage) }
                guard length == 1, let request = body.first else {
                    throw Refusal("a key update of \(length) bytes", .decodeError)
                }
                guard request <= 1 else { throw Refusal("a key update that asks for \(request)", .illegalParameter) }
                return .keyUpdate(isAnswered: request == 1)
            default: throw Refusal("a handshake message of type \(type)", .unexpectedMessage)
            }
        }
        return .nothing
    }

    private static let headerByteCount = 4
    private static let userCanceled: UInt8 = 90
}

/// The handshake messages that come after the handshake (RFC 8446 B.3).
enum HandshakeType {
    static let newSessionTicket: UInt8 = 4
    static let keyUpdate: UInt8 = 24
}

/// The content types of records (RFC 8446 B.1).
enum ContentType {
    static let alert: UInt8 = 21
    static let handshake: UInt8 = 22
}

extension SideRecord.Refusal {
    fileprivate init(_ what: String, _ alert: TLSAlert) {
        self.init(failure: TLSFailure(.protocolViolation, "the peer sent \(what)"), alert: alert)
    }

    fileprivate static var fragment: Self { Self("a part of a handshake message", .unexpectedMessage) }
}
