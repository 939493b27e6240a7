import Primitives
import System
import TLS

/// Our part in a connection whose records the kernel makes and reads: keys, and what comes and goes beside data.
struct KernelRecords: ~Copyable {
    /// What a read has brought.
    enum Outcome {
        case data(Int)
        /// A record that is dealt with.
        case handled
        case nothing
        /// The peer has said farewell, or just gone.
        case end
        case refused(TLSFailure)
    }

    private var session: OffloadedSession

    /// Gives the kernel the keys.
    init(_ session: consuming OffloadedSession, on socket: borrowing OwnedDescriptor) throws(Errno) {
        try Self.setKeys(.receiving, of: session.receiving, on: socket)
        try Self.setKeys(.sending, of: session.sending, on: socket)
        self.init(ready: session)
    }

    /// Apart from the throwing one: the optimiser of Swift 6.2 fails on a noncopyable value half made when an error
    /// comes.
    private init(ready session: consuming OffloadedSession) { self.session = session }

    /// Reads data, or else one record of another kind.
    mutating func receive(
        into room: UnsafeMutableRawBufferPointer, from socket: borrowing OwnedDescriptor
    ) throws(Errno) -> Outcome {
        do throws(Errno) {
            switch try unsafe socket.read(into: room) {
            case .bytes(let count):
                session.received(byteCount: count)
                return .data(count)
            case .wouldBlock: return .nothing
            case .endOfStream: return .end
            }
        } catch {
            switch error {
            case KernelTLS.record: return try receiveRecord(from: socket)
            case .badMessage, .messageTooLong, .invalid:
                return refuse(OffloadedSession.unreadable("the peer sent an unreadable record: \(error)"), on: socket)
            default: throw error
            }
        }
    }

    private mutating func receiveRecord(from socket: borrowing OwnedDescriptor) throws(Errno) -> Outcome {
        guard let (type, payload) = try KernelTLS.receive(from: socket) else { return .handled }
        let step: OffloadedSession.Step
        do throws(OffloadedSession.Refusal) {
            step = try session.receive(type: type, payload)
        } catch {
            return refuse(error, on: socket)
        }
        switch step {
        case .goOn: return .handled
        case .end: return .end
        case .replaceReceivingKeys:
            try Self.setKeys(.receiving, of: session.receiving, on: socket)
            return .handled
        }
    }

    /// Tells the peer why, if there is room.
    private func refuse(_ refusal: OffloadedSession.Refusal, on socket: borrowing OwnedDescriptor) -> Outcome {
        if !refusal.alert.isEmpty {
            // A record that the kernel could not read has left an error, which would stop the alert.
            _ = TCPSocket.pendingError(of: socket)
            _ = try? KernelTLS.send(type: OffloadedSession.Record.alert, refusal.alert, on: socket)
        }
        return .refused(refusal.failure)
    }

    /// Writes data, after the key update that is due before it.
    /// - Returns: how many bytes the kernel took.
    mutating func send(
        _ data: UnsafeRawBufferPointer, on socket: borrowing OwnedDescriptor
    ) throws(Errno) -> Int {
        if let update = session.keyUpdate {
            guard try KernelTLS.send(type: OffloadedSession.Record.handshake, update, on: socket) else { return 0 }
            do throws(TLSFailure) { try session.keyUpdateSent() } catch { throw .noMemory }
            try Self.setKeys(.sending, of: session.sending, on: socket)
        }
        guard case .bytes(let count) = try unsafe socket.write(data) else { return 0 }
        session.sent(byteCount: count)
        return count
    }

    /// Tells the peer that nothing more comes, if there is room.
    func sayFarewell(on socket: borrowing OwnedDescriptor) {
        _ = try? KernelTLS.send(type: OffloadedSession.Record.alert, OffloadedSession.closeNotify, on: socket)
    }

    private static func setKeys(
        _ direction: KernelTLS.Direction, of secret: borrowing TrafficSecret, on socket: borrowing OwnedDescriptor
    ) throws(Errno) {
        let keys: TrafficKeys
        do throws(TLSFailure) { keys = try secret.keys() } catch { throw .noMemory }
        try unsafe keys.withBytes { (key, iv) throws(Errno) in
            try unsafe KernelTLS.setKeys(direction, key: key, iv: iv, of: socket)
        }
    }
}
