import CLinux

/// How one non-blocking operation ended.
public enum IOOutcome: Equatable, Sendable {
    /// So many bytes were moved; at least one.
    case bytes(Int)
    /// The peer has sent its last byte.
    case endOfStream
    /// Nothing can be moved now.
    case wouldBlock

    /// How a system call ended that says how many bytes it moved, -1 for an error; one that a signal interrupted is
    /// made again.
    @inline(__always)
    static func leaving(_ call: () -> Int) throws(Errno) -> IOOutcome {
        while true {
            let count = call()
            if count >= 0 { return .bytes(count) }
            switch culvert_errno() {
            case EINTR: continue
            case EAGAIN: return .wouldBlock
            case let code: throw Errno(code)
            }
        }
    }

    /// The same for one that says 0 at the end of the stream.
    @inline(__always)
    static func arriving(_ call: () -> Int) throws(Errno) -> IOOutcome {
        let outcome = try leaving(call)
        return outcome == .bytes(0) ? .endOfStream : outcome
    }
}

/// Sole owner of a file descriptor; closes it when dropped. Descriptors made by this module are non-blocking and
/// closed on exec.
public struct OwnedDescriptor: ~Copyable, Sendable {
    /// The number that the kernel knows; valid as long as the owner lives.
    public let raw: Int32

    /// Takes over `raw`, which must be open.
    public init(adopting raw: Int32) {
        precondition(raw >= 0, "a descriptor is never negative")
        self.raw = raw
    }

    deinit { _ = close(raw) }

    /// Gives the descriptor up without closing it.
    public consuming func release() -> Int32 {
        let released = raw
        discard self
        return released
    }

    /// A second descriptor of the same open file.
    public borrowing func duplicate() throws(Errno) -> OwnedDescriptor {
        let copy = culvert_fcntl(raw, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Errno.current }
        return OwnedDescriptor(adopting: copy)
    }

    /// Reads what is there, at most the buffer's length.
    @inline(never)
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> IOOutcome {
        let raw = raw
        return try .arriving { unsafe CLinux.read(raw, buffer.baseAddress, buffer.count) }
    }

    /// Reads what is there as `read` does, and leaves it in the socket.
    public borrowing func peek(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> IOOutcome {
        let raw = raw
        return try .arriving { unsafe recv(raw, buffer.baseAddress, buffer.count, Int32(MSG_PEEK)) }
    }

    /// Writes as much of the buffer as the kernel takes; a gone peer is an error, never a signal.
    @inline(never)
    public borrowing func write(_ buffer: UnsafeRawBufferPointer) throws(Errno) -> IOOutcome {
        let raw = raw
        return try .leaving { unsafe send(raw, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Writes as many of the bytes as the kernel takes; for messages off the data path.
    public borrowing func write(_ bytes: ArraySlice<UInt8>) throws(Errno) -> IOOutcome {
        let raw = raw
        return try .leaving {
            unsafe bytes.withUnsafeBytes { unsafe send(raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
    }
}
