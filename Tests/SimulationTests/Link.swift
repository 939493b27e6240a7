import Primitives
import System
import Tunnel

/// The network between the two ends of one tunnel: it passes bytes on in pieces of any size, and does wrong when told
/// to.
final class Link {
    private struct Direction: ~Copyable {
        var waiting = ByteQueue()
        var isStalled = false
        /// The sender has ended, or what follows is dropped.
        var hasEnded = false
        var isFinished = false
        var corrupts = false
    }

    enum Fault: CaseIterable {
        case stall, silence, corrupt, reset, halfClose
    }

    let key: TunnelKey
    /// The pod at the other end; nil where nobody answers.
    let target: SimulatedPod?
    private var near: OwnedDescriptor?
    private var far: OwnedDescriptor?
    private var outerNear: OwnedDescriptor?
    private var outerFar: OwnedDescriptor?
    private var up = Direction()
    private var down = Direction()
    /// The first wrong that was done.
    private(set) var fault: String?
    private static let waitingByteCountMax = 1 << 18

    init(_ key: TunnelKey, to target: SimulatedPod?) throws {
        self.key = key
        self.target = target
        try SocketPair.make { (a, b) throws(Errno) in
            near = consume a
            outerNear = consume b
        }
        try SocketPair.make { (a, b) throws(Errno) in
            far = consume a
            outerFar = consume b
        }
        if target == nil { fail(.silence, up: true) }
    }

    /// The ends for the tunnel's two connections, each to be taken once.
    func takeNear() -> OwnedDescriptor? { outerNear.take() }
    func takeFar() -> OwnedDescriptor? { outerFar.take() }

    var isOver: Bool { near == nil && far == nil }

    /// - Parameter isUp: the direction, for a fault of one.
    func fail(_ fault: Fault, up isUp: Bool) {
        if self.fault == nil { self.fault = "\(fault)" }
        switch fault {
        case .stall: if isUp { up.isStalled = true } else { down.isStalled = true }
        case .silence: (up.isStalled, down.isStalled) = (true, true)
        case .corrupt: if isUp { up.corrupts = true } else { down.corrupts = true }
        case .reset: cut()
        case .halfClose: if isUp { Self.drop(&up) } else { Self.drop(&down) }
        }
    }

    /// Stalled directions go on.
    func heal() { (up.isStalled, down.isStalled) = (false, false) }

    private static func drop(_ direction: inout Direction) {
        direction.waiting.release()
        direction.hasEnded = true
    }

    private func cut() {
        near = nil
        far = nil
        up.waiting.release()
        down.waiting.release()
    }

    /// Moves at most one piece each way.
    /// - Returns: whether anything moved.
    func move(_ chance: inout Chance, _ room: UnsafeMutableRawBufferPointer) -> Bool {
        let limit = chance.one(of: room.count, room.count, 9000, 700, 11)
        let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: room.prefix(limit))
        do {
            let hasMovedUp = try unsafe Self.move(&near, &far, &up, piece)
            let hasMovedDown = try unsafe Self.move(&far, &near, &down, piece)
            if up.isFinished, down.isFinished { cut() }
            return hasMovedUp || hasMovedDown
        } catch {
            cut()
            return true
        }
    }

    private static func move(
        _ source: inout OwnedDescriptor?, _ sink: inout OwnedDescriptor?, _ direction: inout Direction,
        _ room: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Bool {
        guard !direction.isStalled, !direction.isFinished else { return false }
        var hasMoved = false
        if direction.waiting.count < waitingByteCountMax, let outcome = try unsafe source?.read(into: room) {
            switch outcome {
            case .bytes(let count):
                hasMoved = true
                if direction.hasEnded { break }
                if direction.corrupts {
                    unsafe room[count / 2] ^= 0x20
                    direction.corrupts = false
                }
                unsafe direction.waiting.append(UnsafeRawBufferPointer(rebasing: room.prefix(count)))
            case .endOfStream: direction.hasEnded = true
            case .wouldBlock: break
            }
        }
        if !direction.waiting.isEmpty {
            let piece = unsafe UnsafeRawBufferPointer(rebasing: direction.waiting.readable.prefix(room.count))
            if case .bytes(let count)? = try unsafe sink?.write(piece) {
                direction.waiting.consume(count)
                hasMoved = true
            }
        }
        if direction.hasEnded, direction.waiting.isEmpty {
            direction.isFinished = true
            sink?.shutdownWrite()
            hasMoved = true
        }
        return hasMoved
    }
}
