import CLinux

/// A pipe through which the kernel moves bytes from one socket to another without copying them to us (splice(2)).
public final class SplicePipe {
    private let output: OwnedDescriptor
    private let input: OwnedDescriptor
    /// Bytes in the pipe.
    public private(set) var count = 0

    /// An empty pipe, with room for about what a read takes.
    public init() throws(Errno) {
        var ends: (Int32, Int32) = (-1, -1)
        let outcome = unsafe withUnsafeMutableBytes(of: &ends) { ends in
            unsafe ends.withMemoryRebound(to: Int32.self) { ends in
                unsafe pipe2(ends.baseAddress, Int32(O_CLOEXEC) | Int32(O_NONBLOCK))
            }
        }
        guard outcome == 0 else { throw Errno.current }
        output = OwnedDescriptor(adopting: ends.0)
        input = OwnedDescriptor(adopting: ends.1)
        // More than it has by default, so that one call moves as much as a read would; less is no error.
        _ = culvert_fcntl(input.raw, CULVERT_F_SETPIPE_SZ, Self.byteCount)
    }

    /// Takes what is there from a socket, at most `limit` bytes. The pipe must be empty: a full one would look like a
    /// socket that has nothing.
    public func fill(from socket: borrowing OwnedDescriptor, limit: Int) throws(Errno) -> IOOutcome {
        precondition(count == 0 && limit > 0)
        let outcome = try move(socket.raw, input.raw, limit)
        if case .bytes(let moved) = outcome { count = moved }
        return outcome
    }

    /// Gives a socket as much as it takes of what is in the pipe.
    public func drain(into socket: borrowing OwnedDescriptor) throws(Errno) -> IOOutcome {
        precondition(count > 0)
        let outcome = try move(output.raw, socket.raw, count)
        if case .bytes(let moved) = outcome { count -= moved }
        return outcome
    }

    private func move(_ source: Int32, _ sink: Int32, _ limit: Int) throws(Errno) -> IOOutcome {
        try .arriving { culvert_splice(source, sink, limit) }
    }

    private static let byteCount: Int32 = 256 * 1024
}

@available(*, unavailable) extension SplicePipe: Sendable {}
