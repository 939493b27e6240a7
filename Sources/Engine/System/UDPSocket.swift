import CLinux
public import Primitives

/// UDP sockets: non-blocking, closed on exec.
public enum UDPSocket {
    /// How a socket that others send to is made.
    public struct BindOptions: Sendable {
        /// SO_MARK, which the pod's rules exempt from redirection.
        public var mark: UInt32?
        /// Lets a successor bind the same port while this process drains.
        public var reusePort = false
        /// With `reusePort`: fails with `addressInUse` where somebody is bound already, though both share the port.
        public var isFirst = false
        public var reuseAddress = false

        public init() {}
    }

    /// A datagram that came.
    public struct Arrival: Sendable {
        public let byteCount: Int
        public let sender: Endpoint
    }

    /// A socket on an address of its family alone.
    public static func bind(to endpoint: Endpoint, options: BindOptions = .init()) throws(Errno) -> OwnedDescriptor {
        let descriptor = try make(endpoint.address.family, mark: options.mark)
        if options.reusePort, !options.isFirst { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        if options.reuseAddress { try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) }
        if endpoint.address.family == .v6 { try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        let address = SocketAddress(endpoint, socketFamily: endpoint.address.family)
        guard unsafe address.withPointer({ unsafe CLinux.bind(descriptor.raw, $0, $1) }) == 0 else {
            throw Errno.current
        }
        if options.reusePort, options.isFirst { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        return descriptor
    }

    /// A socket that sends to `endpoint` and hears of nobody else, from a port that the kernel draws.
    public static func connect(to endpoint: Endpoint, mark: UInt32? = nil) throws(Errno) -> OwnedDescriptor {
        let descriptor = try make(endpoint.address.family, mark: mark)
        let address = SocketAddress(endpoint, socketFamily: endpoint.address.family)
        guard unsafe address.withPointer({ unsafe CLinux.connect(descriptor.raw, $0, $1) }) == 0 else {
            throw Errno.current
        }
        return descriptor
    }

    /// Takes the next datagram, or nil when none waits. What is longer than the buffer is cut.
    public static func receive(
        from descriptor: borrowing OwnedDescriptor, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Arrival? {
        while true {
            var address = SocketAddress()
            let count = unsafe address.withMutablePointer {
                unsafe recvfrom(descriptor.raw, buffer.baseAddress, buffer.count, 0, $0, &$1)
            }
            if count >= 0 {
                guard let sender = address.endpoint else { continue }
                return Arrival(byteCount: count, sender: sender)
            }
            switch culvert_errno() {
            case EINTR: continue
            case EAGAIN: return nil
            case let code: throw Errno(code)
            }
        }
    }

    /// Sends one datagram; what the kernel has no room for is lost, as it may be on the way.
    public static func send(
        _ bytes: [UInt8], to endpoint: Endpoint, from descriptor: borrowing OwnedDescriptor
    ) throws(Errno) {
        let address = SocketAddress(endpoint, socketFamily: endpoint.address.family)
        let raw = descriptor.raw
        while true {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe address.withPointer {
                    unsafe sendto(raw, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL), $0, $1)
                }
            }
            if count >= 0 { return }
            switch culvert_errno() {
            case EINTR: continue
            case EAGAIN: return
            case let code: throw Errno(code)
            }
        }
    }

    private static func make(_ family: IPAddress.Family, mark: UInt32?) throws(Errno) -> OwnedDescriptor {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let raw = socket(family == .v4 ? AF_INET : AF_INET6, kind, 0)
        guard raw >= 0 else { throw Errno.current }
        let descriptor = OwnedDescriptor(adopting: raw)
        if let mark { try set(descriptor, SOL_SOCKET, SO_MARK, Int32(bitPattern: mark)) }
        return descriptor
    }

    private static func set(
        _ descriptor: borrowing OwnedDescriptor, _ level: Int32, _ option: Int32, _ value: Int32
    ) throws(Errno) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe setsockopt(descriptor.raw, level, option, &value, size) == 0 else { throw Errno.current }
    }
}
