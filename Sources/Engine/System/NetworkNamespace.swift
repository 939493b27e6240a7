internal import CLinux

/// A network namespace, held open: it lives at least as long as this object, whatever becomes of its name and
/// processes.
public final class NetworkNamespace: Sendable {
    /// What tells two namespaces apart, whichever way they were opened.
    public struct Key: Hashable, Sendable {
        public let device: UInt64
        public let inode: UInt64

        public init(device: UInt64, inode: UInt64) {
            self.device = device
            self.inode = inode
        }
    }

    public let key: Key
    private let descriptor: OwnedDescriptor

    /// Takes over a descriptor of a namespace. Whether it is one of a network shows when it is entered.
    public init(adopting descriptor: consuming OwnedDescriptor) throws(Errno) {
        var facts = stat()
        guard unsafe fstat(descriptor.raw, &facts) == 0 else { throw Errno.current }
        key = Key(device: UInt64(facts.st_dev), inode: UInt64(facts.st_ino))
        self.descriptor = descriptor
    }

    /// The namespace with a name in the file system, such as `/run/netns/NAME` or `/proc/PID/ns/net`.
    public static func open(path: String) throws(Errno) -> NetworkNamespace {
        let raw = unsafe culvert_open(path, O_RDONLY | O_CLOEXEC, 0)
        guard raw >= 0 else { throw Errno.current }
        return try NetworkNamespace(adopting: OwnedDescriptor(adopting: raw))
    }

    /// The namespace that the calling thread is in.
    public static func current() throws(Errno) -> NetworkNamespace { try open(path: "/proc/thread-self/ns/net") }

    /// A descriptor of the namespace to give away.
    public func descriptorCopy() throws(Errno) -> OwnedDescriptor { try descriptor.duplicate() }

    /// Runs `body` with the calling thread inside the namespace: sockets and processes made there belong to it. Needs
    /// CAP_SYS_ADMIN. `home` is where the thread is now, if the caller holds it: it saves looking it up, and nothing is
    /// entered where it is this very namespace.
    ///
    /// A thread that cannot return would do everything that follows in the wrong namespace, so that ends the process.
    public func perform<R: ~Copyable>(
        from home: NetworkNamespace? = nil, _ body: () throws(Errno) -> R
    ) throws(Errno) -> R {
        if let home, home.key == key { return try body() }
        let home = if let home { home } else { try Self.current() }
        guard setns(descriptor.raw, CULVERT_CLONE_NEWNET) == 0 else { throw Errno.current }
        defer { if setns(home.descriptor.raw, CULVERT_CLONE_NEWNET) != 0 { abort() } }
        return try body()
    }

    /// Sets a kernel parameter of the namespace, such as `net/ipv4/ip_forward`.
    public func setParameter(_ name: String, to value: String) throws(Errno) {
        try perform { () throws(Errno) in
            let raw = unsafe culvert_open("/proc/sys/\(name)", O_WRONLY | O_CLOEXEC, 0)
            guard raw >= 0 else { throw Errno.current }
            let file = OwnedDescriptor(adopting: raw)
            let bytes = Array(value.utf8)
            guard unsafe write(file.raw, bytes, bytes.count) == bytes.count else { throw Errno.current }
        }
    }
}
