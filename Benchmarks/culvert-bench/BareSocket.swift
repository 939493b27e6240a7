import EventLoop
import Glibc
import Primitives
import System

/// One socket of a bare relay.
final class BareSocket: EventHandler, ResumeHandler {
    /// Reads in one turn, so that one relay's bulk does not hold up the others.
    static let readsPerTurnMax = 4

    /// Until it closes.
    var relay: BareRelay?
    private let descriptor: OwnedDescriptor
    private var registration: Registration?
    private var isConnected: Bool
    private var isWritable: Bool
    private var isHungUp = false
    private(set) var isReadable = false
    var hasReadEnd = false
    private(set) var hasFinished = false
    /// What the kernel has not taken yet.
    private(set) var pending = ByteQueue()

    init(_ descriptor: consuming OwnedDescriptor, isConnected: Bool) {
        self.descriptor = descriptor
        self.isConnected = isConnected
        isWritable = isConnected
    }

    func register(on loop: EventLoop) throws(Errno) { registration = try loop.register(descriptor, handler: self) }

    func close(on loop: EventLoop) {
        if let registration { loop.deregister(registration, descriptor) }
        relay = nil
    }

    func ready(_ events: ReadyEvents) {
        guard let relay else { return }
        do {
            if events.contains(.hangUp) { isHungUp = true }
            if !events.isDisjoint(with: [.readable, .hangUp]) { isReadable = true }
            if events.contains(.writable) && !isWritable {
                if !isConnected, let failure = TCPSocket.pendingError(of: descriptor) { throw failure }
                isWritable = true
                if !isConnected {
                    isConnected = true
                    try relay.connected(self)
                }
                try drain()
                if pending.isEmpty { try relay.drained(self) }
            }
            if try relay.read(self) { relay.loop.requestResume(self) }
        } catch {
            say("culvert-bench: bare: \(error)\n", to: STDERR_FILENO)
            relay.close()
        }
    }

    func resume() {
        guard let relay else { return }
        do {
            if try relay.read(self) { relay.loop.requestResume(self) }
        } catch {
            say("culvert-bench: bare: \(error)\n", to: STDERR_FILENO)
            relay.close()
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> IOOutcome {
        let outcome = unsafe try descriptor.read(into: buffer)
        switch outcome {
        // A short read means drained: what comes later comes with an event. The end may have come already.
        case .bytes(let count): if count < buffer.count && !isHungUp { isReadable = false }
        case .endOfStream: hasReadEnd = true
        case .wouldBlock: isReadable = false
        }
        return outcome
    }

    /// Sends what the kernel takes and keeps the rest.
    func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = unsafe bytes
        while isWritable && pending.isEmpty && rest.count > 0 {
            let taken = unsafe try offer(rest)
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
        }
        unsafe pending.append(rest)
    }

    func finish() {
        guard !hasFinished else { return }
        hasFinished = true
        TCPSocket.shutdownWrite(of: descriptor)
    }

    private func drain() throws(Errno) {
        while isWritable && !pending.isEmpty { pending.consume(unsafe try offer(pending.readable)) }
    }

    private func offer(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        guard case .bytes(let count) = unsafe try descriptor.write(bytes) else {
            isWritable = false
            return 0
        }
        return count
    }
}
