import EventLoop
import Primitives
import System

/// The socket end of a relay: what is known about its readiness, and the bytes that it has not taken yet. A short read
/// counts as drained, since the next byte brings an edge.
struct SocketEnd: ~Copyable {
    let descriptor: OwnedDescriptor
    private let registration: Registration
    private var pending = ByteQueue()
    private var isHungUp = false
    private var wantsFinish = false
    private var isFinished = false
    /// Reading may bring something.
    private(set) var isReadable = false
    /// The application has sent its last byte and all were read.
    private(set) var hasEnded = false

    /// Watches `descriptor`; `handler` passes the events on to `note`.
    init(
        _ descriptor: consuming OwnedDescriptor, on loop: EventLoop, handler: any EventHandler
    ) throws(Errno) {
        let registration = try loop.register(descriptor, handler: handler)
        self.init(watched: descriptor, registration)
    }

    /// Apart from the throwing one: the optimiser of Swift 6.2 fails on a noncopyable value half made when an error
    /// comes.
    private init(watched descriptor: consuming OwnedDescriptor, _ registration: Registration) {
        self.descriptor = descriptor
        self.registration = registration
    }

    /// Bytes offered and not taken by the kernel yet.
    var pendingByteCount: Int { pending.count }

    /// The memory that holds them.
    var heldByteCount: Int { pending.capacity }

    /// All that was offered has left, the end included.
    var hasFinished: Bool { isFinished }

    /// Nothing more comes from the socket and nothing waits for it: closing it sends FIN by itself.
    var isSpent: Bool { hasEnded && pending.isEmpty }

    /// Bytes wait to be read.
    var hasUnreadBytes: Bool { TCPSocket.hasBytes(descriptor) }

    /// Why connecting or using the socket failed, if it did.
    func failure() -> Errno? { TCPSocket.pendingError(of: descriptor) }

    mutating func note(_ events: ReadyEvents) {
        if events.contains(.readable) { isReadable = true }
        if events.contains(.hangUp) {
            isHungUp = true
            isReadable = true
        }
    }

    /// Reads what is there. After a short read nothing is tried until the next event, unless the end is known to be
    /// near.
    mutating func read(into room: UnsafeMutableRawBufferPointer) throws(Errno) -> IOOutcome {
        guard isReadable else { return .wouldBlock }
        let outcome = unsafe try descriptor.read(into: room)
        if case .bytes(let count) = outcome, count < room.count, !isHungUp { isReadable = false }
        note(outcome)
        return outcome
    }

    /// Learns from a read that brought nothing.
    mutating func note(_ outcome: IOOutcome) {
        switch outcome {
        case .bytes: break
        case .wouldBlock: isReadable = false
        case .endOfStream: (isReadable, hasEnded) = (false, true)
        }
    }

    /// Gives bytes to the kernel and keeps what it does not take.
    /// - Returns: how many left at once.
    mutating func offer(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        guard pending.isEmpty else {
            unsafe pending.append(bytes)
            return 0
        }
        guard case .bytes(let count) = try unsafe descriptor.write(bytes) else {
            unsafe pending.append(bytes)
            return 0
        }
        if count < bytes.count { unsafe pending.append(UnsafeRawBufferPointer(rebasing: bytes[count...])) }
        return count
    }

    /// Keeps bytes until `drain`.
    mutating func hold(_ bytes: UnsafeRawBufferPointer) { unsafe pending.append(bytes) }

    /// Sends bytes of our own before anything is relayed.
    mutating func prepend(_ bytes: [UInt8]) throws(Errno) {
        var copy = ByteQueue()
        unsafe bytes.withUnsafeBytes { unsafe copy.append($0) }
        guard !copy.isEmpty else { return }
        _ = try unsafe offer(copy.readable)
    }

    /// Gives the kernel what waits, so many bytes at most.
    /// - Returns: how many left.
    mutating func drain(atMost limit: Int = .max) throws(Errno) -> Int {
        var left = 0
        while !pending.isEmpty, left < limit {
            let piece = unsafe UnsafeRawBufferPointer(rebasing: pending.readable.prefix(limit - left))
            guard case .bytes(let count) = try unsafe descriptor.write(piece) else { break }
            pending.consume(count)
            left += count
        }
        if wantsFinish { finish() }
        return left
    }

    /// Sends FIN once everything offered has left.
    mutating func finish() {
        wantsFinish = true
        guard pending.isEmpty, !isFinished else { return }
        isFinished = true
        TCPSocket.shutdownWrite(of: descriptor)
    }

    /// Has the handler resumed in the loop's next turn, unless the watch has ended by then.
    func requestResume(on loop: EventLoop) { loop.requestResume(registration) }

    /// Stops watching and gives the socket back.
    consuming func release(from loop: EventLoop) -> OwnedDescriptor {
        loop.deregister(registration, descriptor)
        return descriptor
    }

    /// Stops watching and closes in order.
    consuming func close(on loop: EventLoop) {
        TCPSocket.finishOnClose(descriptor)
        loop.forgetClosing(registration)
    }

    /// Stops watching and closes with a reset, so that the application learns that something is missing.
    consuming func reset(on loop: EventLoop) {
        TCPSocket.resetOnClose(descriptor)
        loop.forgetClosing(registration)
    }
}
