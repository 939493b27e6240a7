internal import CLinux

/// Unix sockets that keep packets apart, in order, and carry a descriptor beside one. Non-blocking, closed on exec.
public enum SequencedPacketSocket {
    /// One packet as received.
    public struct Packet: ~Copyable, Sendable {
        public let bytes: [UInt8]
        /// How many descriptors came with it.
        public let descriptorCount: Int
        /// The descriptor, when there is exactly one; several are closed.
        public var descriptor: OwnedDescriptor?
        /// Whether the packet, or what came beside it, was longer than the room for it.
        public let isTruncated: Bool
    }

    /// What a receiving call found.
    public enum Arrival: ~Copyable, Sendable {
        case packet(Packet)
        case endOfStream
        case wouldBlock
    }

    /// Listens under `path`, in the place of whatever is there, with the file mode `mode`.
    public static func listen(path: String, mode: UInt32 = 0o600, backlog: Int32 = 16) throws(Errno) -> OwnedDescriptor
    {
        let descriptor = try make()
        _ = unsafe unlink(path)
        var address = try socketAddress(path)
        let bound = unsafe withAddress(&address) { unsafe bind(descriptor.raw, $0, $1) }
        guard bound == 0 else { throw Errno.current }
        guard unsafe chmod(path, mode_t(mode)) == 0 else { throw Errno.current }
        guard CLinux.listen(descriptor.raw, backlog) == 0 else { throw Errno.current }
        return descriptor
    }

    /// Connects to the listener under `path`; on a Unix socket this is decided at once.
    public static func connect(path: String) throws(Errno) -> OwnedDescriptor {
        let descriptor = try make()
        var address = try socketAddress(path)
        let result = unsafe withAddress(&address) { unsafe CLinux.connect(descriptor.raw, $0, $1) }
        guard result == 0 else { throw Errno.current }
        return descriptor
    }

    /// Accepts the next peer; nil when none waits.
    public static func accept(_ listener: borrowing OwnedDescriptor) throws(Errno) -> OwnedDescriptor? {
        while true {
            let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            let raw = accept4(listener.raw, nil, nil, flags)
            if raw >= 0 { return OwnedDescriptor(adopting: raw) }
            switch Errno.current {
            case .interrupted, .connectionAborted: continue
            case .again: return nil
            case let failure: throw failure
            }
        }
    }

    /// Sends one packet. False when the peer has too much unread: nothing was sent then.
    public static func send(_ bytes: [UInt8], on socket: borrowing OwnedDescriptor) throws(Errno) -> Bool {
        try send(bytes, raw: -1, on: socket)
    }

    /// Sends one packet with a descriptor of `namespace` beside it.
    public static func send(
        _ bytes: [UInt8], namespace: NetworkNamespace, on socket: borrowing OwnedDescriptor
    ) throws(Errno) -> Bool {
        let copy = try namespace.descriptorCopy()
        return try send(bytes, raw: copy.raw, on: socket)
    }

    /// Receives one packet of at most `capacity` bytes.
    public static func receive(
        from socket: borrowing OwnedDescriptor, capacity: Int
    ) throws(Errno) -> Arrival {
        var bytes = [UInt8](repeating: 0, count: capacity)
        // Room for two, so that one too many is seen as such.
        var descriptors = [Int32](repeating: -1, count: 2)
        var received: Int32 = 0
        var flags: Int32 = 0
        while true {
            let count = unsafe culvert_receive_with_descriptors(
                socket.raw, &bytes, capacity, &descriptors, Int32(descriptors.count), &received, &flags)
            guard count < 0 else {
                var only: OwnedDescriptor?
                if received == 1 {
                    only = OwnedDescriptor(adopting: descriptors[0])
                } else {
                    for raw in descriptors.prefix(Int(received)) { _ = close(raw) }
                }
                if count == 0, received == 0 { return .endOfStream }
                bytes.removeLast(capacity - count)
                let truncation = Int32(MSG_TRUNC) | Int32(MSG_CTRUNC)
                return .packet(
                    Packet(
                        bytes: bytes, descriptorCount: Int(received), descriptor: only,
                        isTruncated: flags & truncation != 0))
            }
            switch Errno.current {
            case .interrupted: continue
            case .again: return .wouldBlock
            case let failure: throw failure
            }
        }
    }

    private static func send(_ bytes: [UInt8], raw: Int32, on socket: borrowing OwnedDescriptor) throws(Errno) -> Bool {
        while true {
            if unsafe culvert_send_with_descriptor(socket.raw, bytes, bytes.count, raw) >= 0 { return true }
            switch Errno.current {
            case .interrupted: continue
            case .again: return false
            case let failure: throw failure
            }
        }
    }

    private static func make() throws(Errno) -> OwnedDescriptor {
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let raw = socket(AF_UNIX, kind, 0)
        guard raw >= 0 else { throw Errno.current }
        return OwnedDescriptor(adopting: raw)
    }

    private static func socketAddress(_ path: String) throws(Errno) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
            throw Errno(ENAMETOOLONG)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        return address
    }

    private static func withAddress<R>(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
