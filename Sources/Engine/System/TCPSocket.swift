import CLinux
public import Primitives

/// TCP sockets: non-blocking, closed on exec, without Nagle's delay.
public enum TCPSocket {
    /// How a listener is made.
    public struct ListenOptions: Sendable {
        /// SO_MARK, which the pod's rules exempt from redirection; accepted sockets inherit it.
        public var mark: UInt32?
        /// Lets a successor bind the same port while this process drains.
        public var reusePort = false
        /// With `reusePort`: fails with `addressInUse` where somebody listens already, though both share the port.
        public var isFirst = false
        public var reuseAddress = false
        /// IP_TRANSPARENT: accept for addresses that are not ours; needs CAP_NET_ADMIN.
        public var transparent = false
        public var backlog = Int32(Limits.listenBacklogCount)
        /// Accepted sockets inherit it.
        public var keepAlive: KeepAlive?
        /// A close of accepted sockets is a reset, also by the kernel when this process dies, until `finishOnClose`.
        public var resetsOnClose = false

        public init() {}
    }

    /// SO_KEEPALIVE and its times; by default a peer that is gone is found within a minute.
    public struct KeepAlive: Sendable, Equatable {
        /// TCP_KEEPIDLE in seconds.
        public var idleSeconds: Int32
        /// TCP_KEEPINTVL in seconds.
        public var intervalSeconds: Int32
        /// TCP_KEEPCNT.
        public var probes: Int32
        /// Sets TCP_USER_TIMEOUT to the whole of it.
        public var boundsUnacknowledged = false

        public init(idleSeconds: Int32 = 30, intervalSeconds: Int32 = 10, probes: Int32 = 3) {
            self.idleSeconds = idleSeconds
            self.intervalSeconds = intervalSeconds
            self.probes = probes
        }
    }

    /// A listener; on `::` it is dual stack.
    public static func listen(on endpoint: Endpoint, options: ListenOptions = .init()) throws(Errno) -> OwnedDescriptor
    {
        let descriptor = try make(endpoint.address.family)
        // Accepted sockets inherit all of these, which spares a system call for each of each.
        try set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if let keepAlive = options.keepAlive { try apply(keepAlive, to: descriptor) }
        if let mark = options.mark { try set(descriptor, SOL_SOCKET, SO_MARK, Int32(bitPattern: mark)) }
        if options.resetsOnClose { resetOnClose(descriptor) }
        if options.reusePort, !options.isFirst { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        if options.reuseAddress { try set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1) }
        if endpoint.address.family == .v6 {
            try set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, endpoint.address.isUnspecified ? 0 : 1)
        }
        try bind(descriptor, to: endpoint)
        if options.reusePort, options.isFirst { try set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        guard CLinux.listen(descriptor.raw, options.backlog) == 0 else { throw Errno.current }
        // As ztunnel does: on level IP also for dual-stack IPv6 listeners, and for IPv6 where it exists.
        if options.transparent {
            try set(descriptor, SOL_IP, IP_TRANSPARENT, 1)
            if endpoint.address.family == .v6 {
                try set(descriptor, Int32(IPPROTO_IPV6), IPV6_TRANSPARENT, 1)
            }
        }
        return descriptor
    }

    /// Why the last operation failed, or nil.
    public static func pendingError(of descriptor: borrowing OwnedDescriptor) -> Errno? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor.raw, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { return Errno.current }
        return code == 0 ? nil : Errno(code)
    }

    /// Bounds what the kernel takes beyond what it can send at once, so that what comes later does not queue behind it
    /// (TCP_NOTSENT_LOWAT). Without effect on a socket that is not TCP.
    public static func boundUnsent(of descriptor: borrowing OwnedDescriptor, byteCount: Int) {
        try? set(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, Int32(clamping: byteCount))
    }

    /// The shortest round trip that the connection has seen; nil if none was measured.
    public static func leastRoundTrip(of descriptor: borrowing OwnedDescriptor) -> Duration? {
        let microseconds = culvert_tcp_least_round_trip(descriptor.raw)
        return microseconds < 0 ? nil : .microseconds(microseconds)
    }

    /// Sends FIN; what the peer still sends can be read.
    public static func shutdownWrite(of descriptor: borrowing OwnedDescriptor) {
        _ = shutdown(descriptor.raw, Int32(SHUT_WR))
    }

    /// Ends both directions now, though other owners of the descriptor may live on.
    public static func shutdownBoth(of descriptor: borrowing OwnedDescriptor) {
        _ = shutdown(descriptor.raw, Int32(SHUT_RDWR))
    }

    /// Makes the coming close a reset.
    public static func resetOnClose(_ descriptor: borrowing OwnedDescriptor) { setLinger(descriptor, 1) }

    /// Makes the coming close send FIN after all that was written, whatever was said before.
    public static func finishOnClose(_ descriptor: borrowing OwnedDescriptor) { setLinger(descriptor, 0) }

    private static func setLinger(_ descriptor: borrowing OwnedDescriptor, _ isOn: Int32) {
        var value = linger(l_onoff: isOn, l_linger: 0)
        _ = unsafe setsockopt(descriptor.raw, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// Has the kernel ask a silent peer whether it lives.
    public static func apply(_ keepAlive: KeepAlive, to descriptor: borrowing OwnedDescriptor) throws(Errno) {
        let tcp = Int32(IPPROTO_TCP)
        try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        try set(descriptor, tcp, TCP_KEEPIDLE, keepAlive.idleSeconds)
        try set(descriptor, tcp, TCP_KEEPINTVL, keepAlive.intervalSeconds)
        try set(descriptor, tcp, TCP_KEEPCNT, keepAlive.probes)
        if keepAlive.boundsUnacknowledged {
            let (probing, overflow) = keepAlive.intervalSeconds.multipliedReportingOverflow(by: keepAlive.probes)
            let seconds = overflow ? Int32.max / 1000 : min(keepAlive.idleSeconds &+ probing, Int32.max / 1000)
            try set(descriptor, tcp, TCP_USER_TIMEOUT, max(0, seconds) * 1000)
        }
    }

    static func make(_ family: IPAddress.Family) throws(Errno) -> OwnedDescriptor {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let raw = socket(family == .v4 ? AF_INET : AF_INET6, kind, 0)
        guard raw >= 0 else { throw Errno.current }
        return OwnedDescriptor(adopting: raw)
    }

    static func set(
        _ descriptor: borrowing OwnedDescriptor, _ level: Int32, _ option: Int32, _ value: Int32
    ) throws(Errno) {
        var value = value
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe setsockopt(descriptor.raw, level, option, &value, size) == 0 else { throw Errno.current }
    }
}
