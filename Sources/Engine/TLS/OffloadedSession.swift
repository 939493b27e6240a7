import Primitives

/// An established connection whose records are made and read by somebody else, such as the kernel. It holds the keys,
/// and decides what comes of the records that are not data. It owns no descriptor: its owner does what it asks for.
public struct OffloadedSession: ~Copyable {
    /// What its owner does about a record.
    public enum Step: Equatable, Sendable {
        case goOn
        /// The peer will send no more.
        case end
        /// What follows is under the keys that `receiving` gives now.
        case replaceReceivingKeys
    }

    /// Why a record is refused. The alert, if any, is to be sent before the connection is dropped.
    public struct Refusal: Error, Equatable, Sendable {
        public let failure: TLSFailure
        /// The payload of the alert's record, empty for none.
        public let alert: [UInt8]

        init(_ failure: TLSFailure, _ alert: TLSAlert?) {
            self.failure = failure
            self.alert = alert?.payload ?? []
        }
    }

    public private(set) var sending: TrafficSecret
    public private(set) var receiving: TrafficSecret
    private let isServer: Bool
    private let recordsPerKey: UInt64
    private var recordCount: UInt64 = 0
    private var allowance = MessageAllowance()
    /// The peer waits for an update of ours.
    private var owesUpdate = false

    init(
        _ client: consuming TrafficSecret, _ server: consuming TrafficSecret, isServer: Bool, recordsPerKey: UInt64
    ) {
        if isServer {
            sending = server
            receiving = client
        } else {
            sending = client
            receiving = server
        }
        self.isServer = isServer
        self.recordsPerKey = recordsPerKey
    }

    /// Takes a record that is not data.
    /// - Parameters:
    ///   - type: its content type.
    ///   - payload: the whole of it.
    public mutating func receive(
        type: UInt8, _ payload: [UInt8]
    ) throws(Refusal) -> Step {
        let record: SideRecord
        do throws(SideRecord.Refusal) {
            record = try SideRecord(type: type, payload, fromServer: !isServer)
        } catch {
            throw Refusal(error.failure, error.alert)
        }
        allowance.spend()
        guard !allowance.isExceeded else { throw Refusal(.idleMessages, .unexpectedMessage) }
        switch record {
        case .closed: return .end
        case .nothing: return .goOn
        case .keyUpdate(let isAnswered):
            if isAnswered { owesUpdate = true }
            do throws(TLSFailure) { try receiving.advance() } catch { throw Refusal(error, nil) }
            return .replaceReceivingKeys
        }
    }

    /// Data has come.
    public mutating func received(byteCount: Int) { allowance.restore(byteCount) }

    /// So many bytes of data have been given to whoever makes the records.
    public mutating func sent(byteCount: Int) {
        recordCount += UInt64(max(0, byteCount)) / UInt64(Limits.tlsRecordByteCountMax) + 1
    }

    /// The payload of a handshake record that must be sent before any further data; nil if there is none.
    public var keyUpdate: [UInt8]? {
        // Asking for the peer's too protects the other direction against peers that never update by themselves.
        if recordCount >= recordsPerKey { return [HandshakeType.keyUpdate, 0, 0, 1, 1] }
        return owesUpdate ? [HandshakeType.keyUpdate, 0, 0, 1, 0] : nil
    }

    /// The key update has been sent; what follows is under the keys that `sending` gives now.
    public mutating func keyUpdateSent() throws(TLSFailure) {
        (recordCount, owesUpdate) = (0, false)
        try sending.advance()
    }

    /// The content types of records, for those that are not data.
    public enum Record {
        public static let alert = ContentType.alert
        public static let handshake = ContentType.handshake
    }

    /// The payload of close_notify.
    public static let closeNotify = TLSAlert.closeNotify.payload

    /// What to make of a record that its reader could not take: it was changed on the way, or is no record.
    public static func unreadable(_ reason: String) -> Refusal {
        Refusal(TLSFailure(.protocolViolation, reason), .badRecordMAC)
    }
}
