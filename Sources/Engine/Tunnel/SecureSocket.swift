import Identity
import Primitives
import System
import TLS

/// A socket that carries TLS. Records are made and read in this process during the handshake; then by the kernel, if
/// the context offers that and the socket can, and otherwise still here.
struct SecureSocket: ~Copyable {
    /// What one read has brought.
    struct Input {
        /// Bytes that were read.
        var byteCount = 0
        /// Nothing more is there until the next event.
        var isDrained = false
        /// They are the data; otherwise the data is what was decrypted.
        var isPlain = false
    }

    /// Why nothing more will be read.
    enum End {
        /// The peer has said farewell, or just gone.
        case closed
        case lost(Errno)
        case refused(TLSFailure)
    }

    let descriptor: OwnedDescriptor
    /// Nil once the kernel has taken over.
    private var tls: TLSConnection?
    /// The same, for the data path.
    private var machine: Borrowed<TLSConnection>?
    private var kernel: KernelRecords?
    private var provenIdentity: SPIFFEID?
    private var provenChain: PeerChain?
    private let isOffloadable: Bool
    /// What the socket did not take: ciphertext, or data for the kernel.
    private var outgoing = ByteQueue()
    /// Nothing more can be written until the next event.
    private(set) var isBlocked = false
    /// The memory that holds what the socket did not take.
    var unsentByteCount: Int { outgoing.capacity }
    private var isHungUp = false
    /// Set by the read that has found it.
    private(set) var end: End?

    init(_ descriptor: consuming OwnedDescriptor, _ tls: TLSConnection) {
        self.descriptor = descriptor
        self.tls = tls
        machine = Borrowed(tls)
        isOffloadable = tls.isOffloadable
    }

    /// Who the peer has proved to be.
    var peerIdentity: SPIFFEID? { if let tls { tls.peerIdentity } else { provenIdentity } }

    /// How it has proved that; nil before.
    var peerChain: PeerChain? { if let tls { tls.peerChain } else { provenChain } }

    /// The handshake is complete.
    var isEstablished: Bool { tls?.isEstablished ?? true }

    /// Begins a client's handshake.
    mutating func start() throws(TLSFailure) { try tls?.start(ciphertext: &outgoing) }

    mutating func noteHangUp() { isHungUp = true }

    mutating func noteWritable() { isBlocked = false }

    // MARK: In

    /// Reads what is there, at most so many bytes. `plaintext` is the data that it brought, `end` says whether it was
    /// the last.
    mutating func receive(into buffers: RelayBuffers, atMost byteCountMax: Int) -> Input {
        do throws(Errno) {
            if kernel != nil { return try receiveData(into: buffers, atMost: byteCountMax) }
            buffers.plaintext.reset()
            if isOffloadable, !isEstablished { return try shake(in: buffers) }
            return try receiveRecords(into: buffers, atMost: byteCountMax)
        } catch {
            end = .lost(error)
            return Input()
        }
    }

    /// The data that the last read has brought; valid until the next.
    func plaintext(of input: Input, in buffers: RelayBuffers) -> UnsafeRawBufferPointer {
        guard input.isPlain else { return unsafe buffers.plaintext.readable }
        return unsafe UnsafeRawBufferPointer(rebasing: buffers.received[..<input.byteCount])
    }

    private mutating func receiveRecords(
        into buffers: RelayBuffers, atMost byteCountMax: Int
    ) throws(Errno) -> Input {
        var input = Input()
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffers.received.prefix(byteCountMax))
        switch try unsafe descriptor.read(into: room) {
        case .bytes(let count):
            input.byteCount = count
            // A short read means that the socket is drained, unless the end is near.
            input.isDrained = count < room.count && !isHungUp
            unsafe decrypt(UnsafeRawBufferPointer(rebasing: buffers.received[..<count]), into: buffers)
        case .wouldBlock: input.isDrained = true
        case .endOfStream: end = .closed
        }
        return input
    }

    private mutating func decrypt(_ ciphertext: UnsafeRawBufferPointer, into buffers: RelayBuffers) {
        machine?.with { tls in
            let wasEstablished = tls.isEstablished
            do throws(TLSFailure) {
                try unsafe tls.receive(ciphertext, plaintext: &buffers.plaintext, ciphertext: &outgoing)
                // It had room for a flight of the handshake.
                if !wasEstablished, tls.isEstablished, outgoing.isEmpty { outgoing.release() }
                if tls.peerClosed { end = .closed }
            } catch {
                end = .refused(error)
            }
        }
    }

    private mutating func receiveData(
        into buffers: RelayBuffers, atMost byteCountMax: Int
    ) throws(Errno) -> Input {
        // A short read says nothing: records of other kinds, which end a read, are no further event.
        var input = Input(isPlain: true)
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: buffers.received.prefix(byteCountMax))
        switch try unsafe kernel?.receive(into: room, from: descriptor) {
        case .data(let count): input.byteCount = count
        case .handled: break
        case .nothing, nil: input.isDrained = true
        case .end: end = .closed
        case .refused(let failure): end = .refused(failure)
        }
        return input
    }

    // MARK: Handshake with a hand-over

    /// Takes from the socket what belongs to the handshake and nothing beyond, and hands over to the kernel behind it.
    private mutating func shake(in buffers: RelayBuffers) throws(Errno) -> Input {
        guard let tls else { return Input() }
        let peeked: Int
        switch try unsafe descriptor.peek(into: buffers.received) {
        case .bytes(let count): peeked = count
        case .wouldBlock: return Input(isDrained: true)
        case .endOfStream:
            end = .closed
            return Input()
        }
        // All of it if the handshake fails: a socket that is closed with bytes in it resets, and takes the alert along.
        var taken = peeked
        do throws(TLSFailure) {
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffers.received[..<peeked])
            taken = try unsafe tls.shake(bytes, ciphertext: &outgoing)
        } catch {
            end = .refused(error)
        }
        _ = try unsafe descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: buffers.received[..<taken]))
        if end == nil, tls.isEstablished { try handOver(tls) }
        return Input(byteCount: taken)
    }

    /// Has the kernel make and read the records from here on. Where it cannot, they stay with `tls`: the socket is none
    /// of TCP, the peer has gone already, or the handshake's last flight has not left.
    private mutating func handOver(_ tls: TLSConnection) throws(Errno) {
        guard try drain(), let session = tls.offload() else { return }
        do throws(Errno) { try KernelTLS.attach(to: descriptor) } catch { return }
        kernel = try KernelRecords(session, on: descriptor)
        provenIdentity = tls.peerIdentity
        provenChain = tls.peerChain
        machine = nil
        self.tls = nil
    }

    // MARK: Out

    /// Has data encrypted and written; what the socket does not take waits.
    /// - Returns: whether the socket takes more.
    mutating func send(_ data: UnsafeRawBufferPointer, by buffers: RelayBuffers) throws(TunnelFailure) -> Bool {
        guard let machine else {
            try unsafe put(data)
            return !isBlocked
        }
        defer { buffers.ciphertext.reset() }
        var failure: TLSFailure?
        machine.with { tls in
            do throws(TLSFailure) {
                try unsafe tls.send(data, ciphertext: &buffers.ciphertext)
            } catch {
                failure = error
            }
        }
        if let failure { throw .handshake(failure) }
        try unsafe put(buffers.ciphertext.readable)
        return !isBlocked
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) throws(TunnelFailure) {
        do throws(Errno) {
            let written = try unsafe write(bytes)
            guard written < bytes.count else { return }
            isBlocked = true
            unsafe outgoing.append(UnsafeRawBufferPointer(rebasing: bytes[written...]))
        } catch {
            throw .socket(error)
        }
    }

    private mutating func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        if let count = try unsafe kernel?.send(bytes, on: descriptor) { return count }
        guard case .bytes(let count) = try unsafe descriptor.write(bytes) else { return 0 }
        return count
    }

    /// Writes what waits.
    /// - Returns: whether nothing waits any more.
    mutating func drain() throws(Errno) -> Bool {
        while !outgoing.isEmpty {
            let count = try unsafe write(outgoing.readable)
            guard count > 0 else {
                isBlocked = true
                return false
            }
            outgoing.consume(count)
        }
        return true
    }

    /// Sends what waits and, at an orderly end, the farewell, if there is room; nobody waits for it.
    mutating func finish(inOrder isOrderly: Bool) {
        if isOrderly { tls?.close(ciphertext: &outgoing) }
        if let isSent = try? drain(), isSent, isOrderly { kernel?.sayFarewell(on: descriptor) }
        outgoing.release()
    }
}
