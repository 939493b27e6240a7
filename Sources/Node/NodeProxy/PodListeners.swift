import Mesh
import Primitives
import System

/// The listening sockets of one pod, made in its network namespace and shared by all workers: one accept queue for
/// each port. They close when the last worker lets go.
final class PodListeners: Sendable {
    let outbound: OwnedDescriptor
    let inboundTunnel: OwnedDescriptor
    let inboundPlaintext: OwnedDescriptor
    /// Whether connections to the application may carry their client's address.
    let preservesSource: Bool

    private init(
        outbound: consuming OwnedDescriptor, inboundTunnel: consuming OwnedDescriptor,
        inboundPlaintext: consuming OwnedDescriptor, preservesSource: Bool
    ) {
        self.outbound = outbound
        self.inboundTunnel = inboundTunnel
        self.inboundPlaintext = inboundPlaintext
        self.preservesSource = preservesSource
    }

    /// Binds in `namespace`. Where nothing is said about source addresses they are preserved if the kernel permits it.
    static func bind(
        in namespace: NetworkNamespace, _ configuration: NodeConfiguration
    ) throws(Errno) -> PodListeners {
        do {
            return try bind(in: namespace, configuration, transparent: configuration.preservesSource ?? true)
        } catch {
            guard error == .notPermitted, configuration.preservesSource == nil else { throw error }
            return try bind(in: namespace, configuration, transparent: false)
        }
    }

    private static func bind(
        in namespace: NetworkNamespace, _ configuration: NodeConfiguration, transparent: Bool
    ) throws(Errno) -> PodListeners {
        var options = TCPSocket.ListenOptions()
        options.mark = configuration.packetMark
        options.reusePort = configuration.reusesPorts
        options.reuseAddress = !configuration.reusesPorts
        options.transparent = transparent
        let any = configuration.isIPv6Enabled ? IPAddress(v6High: 0, low: 0) : IPAddress(v4: 0)
        return try namespace.perform { () throws(Errno) -> PodListeners in
            let inboundTunnel = try TCPSocket.listen(on: Endpoint(any, port: ProxyPort.inboundTunnel), options: options)
            let plaintext = try TCPSocket.listen(on: Endpoint(any, port: ProxyPort.inboundPlaintext), options: options)
            let outbound = try TCPSocket.listen(on: Endpoint(any, port: ProxyPort.outbound), options: options)
            return PodListeners(
                outbound: outbound, inboundTunnel: inboundTunnel, inboundPlaintext: plaintext,
                preservesSource: transparent)
        }
    }
}
