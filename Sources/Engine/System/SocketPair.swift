internal import CLinux

/// Two stream sockets that lead to each other: what one is given the other reads.
public enum SocketPair {
    /// Makes a pair, non-blocking and closed on exec, and hands both ends over.
    public static func make<R>(
        _ body: (_ near: consuming OwnedDescriptor, _ far: consuming OwnedDescriptor) throws(Errno) -> R
    ) throws(Errno) -> R {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        var raw: [Int32] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, kind, 0, &raw) == 0 else { throw Errno.current }
        return try body(OwnedDescriptor(adopting: raw[0]), OwnedDescriptor(adopting: raw[1]))
    }
}
