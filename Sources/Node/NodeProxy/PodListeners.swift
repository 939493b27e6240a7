import Mesh
import Primitives
import Resolver
import System

/// A listening socket that workers share.
final class ListeningSocket: Sendable {
    let descriptor: OwnedDescriptor

    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}

/// The listening sockets of one pod, made in its network namespace and shared by all workers: one accept queue for
/// each port. They close when the last worker lets go.
final class PodListeners: Sendable {
    /// None where pods' connections are left alone, or where only tunnels are taken.
    let outbound: ListeningSocket?
    let inboundTunnel: ListeningSocket?
    let inboundPlaintext: ListeningSocket?
    /// Where the pod asks for names; none when that is off.
    let names: [NameListener]
    /// Whom the names are asked for that the mesh does not know.
    let resolver: ResolverConfiguration
    /// Where the pod speaks SOCKS5; none when that is off.
    let socks: [ListeningSocket]
    /// Whether connections to the application may carry their client's address.
    let preservesSource: Bool

    /// What the listeners are for.
    enum Purpose {
        /// All that a pod's connections and questions go through.
        case pod
        /// The node proxy as a workload itself: its peers' tunnels, and nothing captured.
        case nodeProxy
    }

    /// Binds in `namespace`. Where nothing is said about source addresses they are preserved if the kernel permits it.
    /// - Parameters:
    ///   - home: the namespace that the calling thread is in.
    ///   - isFirst: fails with `addressInUse` where another proxy listens.
    static func bind(
        in namespace: NetworkNamespace, from home: NetworkNamespace, _ configuration: NodeConfiguration,
        for purpose: Purpose = .pod, isFirst: Bool = false
    ) throws(Errno) -> PodListeners {
        // Of the node's own file system, as everything that a pod mounts is the pod's to change.
        let resolver = configuration.resolverConfiguration
        // What is under way to a listener that closes goes on to the one of the next proxy (Linux 5.14).
        if configuration.reusesPorts { try? namespace.setParameter("net/ipv4/tcp_migrate_req", to: "1") }
        let bind = { (transparent: Bool) throws(Errno) -> PodListeners in
            try namespace.perform(from: home) { () throws(Errno) -> PodListeners in
                try PodListeners(configuration, resolver, purpose, transparent: transparent, isFirst: isFirst)
            }
        }
        guard purpose == .pod else { return try bind(false) }
        do {
            return try bind(configuration.preservesSource ?? true)
        } catch {
            guard error == .notPermitted, configuration.preservesSource == nil else { throw error }
            return try bind(false)
        }
    }

    /// Makes the sockets in the namespace that the calling thread is in.
    private init(
        _ configuration: NodeConfiguration, _ resolver: ResolverConfiguration, _ purpose: Purpose, transparent: Bool,
        isFirst: Bool
    ) throws(Errno) {
        var options = TCPSocket.ListenOptions()
        options.mark = configuration.packetMark
        options.reusePort = configuration.reusesPorts
        options.isFirst = isFirst
        // What is left of an earlier proxy's connections does not hold the port.
        options.reuseAddress = true
        options.transparent = transparent
        options.keepAlive = configuration.keepAlive
        let any = configuration.isIPv6Enabled ? IPAddress(v6High: 0, low: 0) : IPAddress(v4: 0)
        self.resolver = resolver
        let isPod = purpose == .pod
        let capturesConnections = isPod && configuration.carriesConnections
        names = isPod ? try NameListener.bind(configuration, options) : []
        inboundTunnel =
            configuration.carriesConnections
            ? try Self.listen(on: Endpoint(any, port: ProxyPort.inboundTunnel), options) : nil
        let hasSOCKS = capturesConnections && configuration.isSOCKS5Enabled
        socks = try Self.loopbacks(configuration, port: hasSOCKS ? ProxyPort.socks5 : nil, options)
        // Applications shall not take the end of this process for the end of what they were told.
        options.resetsOnClose = true
        inboundPlaintext =
            capturesConnections ? try Self.listen(on: Endpoint(any, port: ProxyPort.inboundPlaintext), options) : nil
        outbound = capturesConnections ? try Self.listen(on: Endpoint(any, port: ProxyPort.outbound), options) : nil
        preservesSource = transparent
    }

    private static func loopbacks(
        _ configuration: NodeConfiguration, port: UInt16?, _ options: TCPSocket.ListenOptions
    ) throws(Errno) -> [ListeningSocket] {
        guard let port else { return [] }
        var sockets: [ListeningSocket] = []
        for endpoint in configuration.loopbackEndpoints(port: port) {
            do {
                sockets.append(try listen(on: endpoint, options))
            } catch {
                guard configuration.mayBeAbsent(endpoint.address, error) else { throw error }
            }
        }
        return sockets
    }

    static func listen(
        on endpoint: Endpoint, _ options: TCPSocket.ListenOptions
    ) throws(Errno) -> ListeningSocket { ListeningSocket(try TCPSocket.listen(on: endpoint, options: options)) }
}
