import CLinux
import Glibc
public import Primitives

extension TCPSocket {
    /// How a connection is made.
    public struct ConnectOptions: Sendable {
        public var mark: UInt32?
        /// The client in whose name we connect: its address is bound, though it be another host's (IP_TRANSPARENT), and
        /// a port that it is unlikely to take for a connection of its own; needs CAP_NET_ADMIN.
        public var spoofedSource: Endpoint?
        /// The source address to bind, one of our own.
        public var source: IPAddress?
        public var keepAlive: KeepAlive?
        /// A close is a reset, also by the kernel when this process dies, until `finishOnClose`.
        public var resetsOnClose = false

        public init() {}
    }

    /// Starts to connect. The socket becomes writable when it is decided; `pendingError` tells how.
    ///
    /// - Parameter sourceRefused: Called when the source address cannot be had: it throws, or the kernel chooses one.
    public static func connect(
        to endpoint: Endpoint, options: ConnectOptions = .init(),
        sourceRefused: (Errno) throws(Errno) -> Void = { (failure) throws(Errno) in throw failure }
    ) throws(Errno) -> OwnedDescriptor {
        let socket = try make(endpoint.address.family, options)
        guard let source = options.spoofedSource?.address ?? options.source, source.family == endpoint.address.family
        else {
            try start(socket, to: endpoint)
            return socket
        }
        do throws(Errno) {
            if options.spoofedSource != nil { try allowForeignSource(socket, source.family) }
            try bindSource(socket, source)
        } catch {
            try sourceRefused(error)
            try start(socket, to: endpoint)
            return socket
        }
        if let client = options.spoofedSource { return try connect(socket, as: client, to: endpoint, options) }
        try start(socket, to: endpoint)
        return socket
    }

    /// Connects in the name of a client whose address is bound: from a port that it is unlikely to take itself, or else
    /// from any.
    private static func connect(
        _ socket: consuming OwnedDescriptor, as client: Endpoint, to endpoint: Endpoint, _ options: ConnectOptions
    ) throws(Errno) -> OwnedDescriptor {
        for _ in 0..<SpoofedPort.attemptCountMax {
            let port = SpoofedPort.choose(apartFrom: client.port, random: Entropy.uint64())
            guard (try? choose(port, for: socket)) != nil else { break }
            if try starts(socket, to: endpoint) { return socket }
        }
        for _ in 0..<SpoofedPort.attemptCountMax {
            let port = SpoofedPort.choose(apartFrom: client.port, random: Entropy.uint64())
            let source = Endpoint(client.address, port: port)
            if let bound = try connect(from: source, to: endpoint, options) { return bound }
        }
        try? choose(0, for: socket)
        try start(socket, to: endpoint)
        return socket
    }

    /// Connects from this very port; nil if it cannot be had. A kernel before 6.3 has no other way to choose one, and
    /// this one takes the port of a connection that was over less than a minute ago; but as long as the socket is
    /// there, those whose ports are chosen at connect get another, wherever they go.
    private static func connect(
        from source: Endpoint, to endpoint: Endpoint, _ options: ConnectOptions
    ) throws(Errno) -> OwnedDescriptor? {
        let socket = try make(endpoint.address.family, options)
        try allowForeignSource(socket, source.address.family)
        try set(socket, SOL_SOCKET, SO_REUSEADDR, 1)
        guard (try? bind(socket, to: source)) != nil, try starts(socket, to: endpoint) else { return nil }
        return socket
    }

    /// The port is chosen at connect, so that many connections may share one; a server that asks for it may have it.
    private static func bindSource(_ socket: borrowing OwnedDescriptor, _ source: IPAddress) throws(Errno) {
        try set(socket, SOL_SOCKET, SO_REUSEADDR, 1)
        try set(socket, SOL_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        try bind(socket, to: Endpoint(source, port: 0))
    }

    /// Has the kernel choose no other port at connect (IP_LOCAL_PORT_RANGE), if it gives this one out at all; 0 is any.
    private static func choose(_ port: UInt16, for socket: borrowing OwnedDescriptor) throws(Errno) {
        try set(socket, SOL_IP, IP_LOCAL_PORT_RANGE, Int32(bitPattern: UInt32(port) << 16 | UInt32(port)))
    }

    private static func make(
        _ family: IPAddress.Family, _ options: ConnectOptions
    ) throws(Errno) -> OwnedDescriptor {
        let socket = try make(family)
        try set(socket, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if let mark = options.mark { try set(socket, SOL_SOCKET, SO_MARK, Int32(bitPattern: mark)) }
        if let keepAlive = options.keepAlive { try apply(keepAlive, to: socket) }
        if options.resetsOnClose { resetOnClose(socket) }
        return socket
    }

    static func bind(_ socket: borrowing OwnedDescriptor, to source: Endpoint) throws(Errno) {
        let address = SocketAddress(source, socketFamily: source.address.family)
        guard unsafe address.withPointer({ unsafe Glibc.bind(socket.raw, $0, $1) }) == 0 else { throw Errno.current }
    }

    /// False if the port is taken for connections to there.
    private static func starts(_ socket: borrowing OwnedDescriptor, to endpoint: Endpoint) throws(Errno) -> Bool {
        do throws(Errno) {
            try start(socket, to: endpoint)
            return true
        } catch {
            guard error == .addressNotAvailable else { throw error }
            return false
        }
    }

    private static func start(_ socket: borrowing OwnedDescriptor, to endpoint: Endpoint) throws(Errno) {
        let address = SocketAddress(endpoint, socketFamily: endpoint.address.family)
        guard unsafe address.withPointer({ unsafe CLinux.connect(socket.raw, $0, $1) }) != 0 else { return }
        let failure = Errno.current
        guard failure == .inProgress || failure == .interrupted else { throw failure }
    }

    private static func allowForeignSource(
        _ socket: borrowing OwnedDescriptor, _ family: IPAddress.Family
    ) throws(Errno) {
        switch family {
        case .v4: try set(socket, SOL_IP, IP_TRANSPARENT, 1)
        case .v6: try set(socket, Int32(IPPROTO_IPV6), IPV6_TRANSPARENT, 1)
        }
    }
}
