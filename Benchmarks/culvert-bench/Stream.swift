import EventLoop
import Primitives
import System

/// Told what happens to a stream.
protocol StreamOwner: AnyObject {
    func opened(_ stream: Stream)
    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream)
    /// The socket takes bytes again.
    func drained(_ stream: Stream)
    /// The peer has sent its last byte, or the connection failed.
    func ended(_ stream: Stream, failure: Errno?)
}

/// A TCP connection on a loop.
@safe final class Stream: EventHandler, ResumeHandler {
    private static let pieceByteCount = 256 * 1024
    /// Reads in one turn, so that one stream's bulk does not hold up the others.
    private static let readsPerTurnMax = 4
    /// Where every stream reads to: a load generator has one thread.
    nonisolated(unsafe) private static let piece = UnsafeMutableRawBufferPointer.allocate(
        byteCount: pieceByteCount, alignment: 4096)  // safe: only the one thread's loop touches it

    private let loop: EventLoop
    private unowned let owner: any StreamOwner
    private let descriptor: OwnedDescriptor
    private var isOpen = true
    private var registration: Registration?
    private var isConnecting: Bool
    private var isHungUp = false
    /// What the owner knows it by.
    let number: Int
    /// What the owner keeps with it.
    var state = 0
    var service: Service?
    var started = Instant(nanoseconds: 0)
    var waiting = ByteQueue()
    /// For a thread that writes on its own; valid while the stream is open.
    var raw: Int32 { descriptor.raw }

    init(
        _ descriptor: consuming OwnedDescriptor, on loop: EventLoop, owner: any StreamOwner, number: Int = 0
    ) throws(Errno) {
        self.loop = loop
        self.owner = owner
        self.number = number
        isConnecting = false
        self.descriptor = descriptor
        registration = try loop.register(self.descriptor, handler: self)
    }

    convenience init(to endpoint: Endpoint, on loop: EventLoop, owner: any StreamOwner, number: Int = 0) throws(Errno) {
        try self.init(try TCPSocket.connect(to: endpoint), on: loop, owner: owner, number: number)
        isConnecting = true
    }

    func ready(_ events: ReadyEvents) {
        if isConnecting {
            guard events.contains(.writable) else { return }
            isConnecting = false
            if let failure = TCPSocket.pendingError(of: descriptor) { return owner.ended(self, failure: failure) }
            owner.opened(self)
        } else if events.contains(.writable) {
            drain()
            owner.drained(self)
        }
        if events.contains(.hangUp) { isHungUp = true }
        if !events.isDisjoint(with: [.readable, .hangUp]) { read() }
    }

    func resume() { read() }

    /// Sends, and keeps what the socket does not take.
    func send(_ bytes: UnsafeRawBufferPointer) {
        guard waiting.isEmpty else { return unsafe waiting.append(bytes) }
        let taken = unsafe offer(bytes)
        if taken < bytes.count { unsafe waiting.append(UnsafeRawBufferPointer(rebasing: bytes[taken...])) }
    }

    /// Sends what the socket takes now; how much that was.
    func offer(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard isOpen else { return bytes.count }
        do throws(Errno) {
            switch unsafe try descriptor.write(bytes) {
            case .bytes(let count): return count
            case .wouldBlock, .endOfStream: return 0
            }
        } catch {
            owner.ended(self, failure: error)
            return bytes.count
        }
    }

    /// Sends copies of `filler` until the socket is full or `limit` bytes are sent; how many were.
    func fill(upTo limit: Int, from filler: [UInt8]) -> Int {
        var sent = 0
        while sent < limit {
            let taken = unsafe filler.withUnsafeBytes { filler in
                unsafe offer(UnsafeRawBufferPointer(rebasing: filler[..<min(limit - sent, filler.count)]))
            }
            guard taken > 0 else { break }
            sent += taken
        }
        return sent
    }

    func finish() {
        if isOpen { TCPSocket.shutdownWrite(of: descriptor) }
    }

    /// Ends the watch; the connection closes as soon as the owner lets go of the stream.
    func close() {
        guard isOpen, let registration else { return }
        isOpen = false
        loop.deregister(registration, descriptor)
    }

    private func drain() {
        while !waiting.isEmpty {
            let taken = unsafe offer(waiting.readable)
            guard taken > 0 else { return }
            waiting.consume(taken)
        }
    }

    private func read() {
        for _ in 0..<Self.readsPerTurnMax {
            guard isOpen else { return }
            do throws(Errno) {
                switch unsafe try descriptor.read(into: Self.piece) {
                case .bytes(let count):
                    unsafe owner.received(UnsafeRawBufferPointer(rebasing: Self.piece[..<count]), on: self)
                    // Drained; but if the end has come with these bytes, no event will tell of it again.
                    if count < Self.pieceByteCount && !isHungUp { return }
                case .endOfStream: return owner.ended(self, failure: nil)
                case .wouldBlock: return
                }
            } catch {
                return owner.ended(self, failure: error)
            }
        }
        loop.requestResume(self)
    }
}
