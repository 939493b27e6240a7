import Primitives
import Resolver
import System
import Wire

extension Worker {
    /// A socket to a name server in the node's own network.
    static func dialNameServer(
        _ server: Endpoint, _ transport: DNSQuery.Transport
    ) throws(Errno) -> OwnedDescriptor {
        switch transport {
        case .udp: try UDPSocket.connect(to: server)
        case .tcp: try TCPSocket.connect(to: server)
        }
    }

    /// A socket to a name server from within a pod, marked so that the pod's rules let it pass. One on a loopback
    /// address is the node's and cannot be reached from there: it is asked from the node's own network.
    func dialNameServer(
        _ server: Endpoint, _ transport: DNSQuery.Transport, from namespace: NetworkNamespace
    ) throws(Errno) -> OwnedDescriptor {
        if server.address.isLoopback { return try Self.dialNameServer(server, transport) }
        let mark = configuration.packetMark
        switch transport {
        case .tcp: return try connect(in: namespace, to: server)
        case .udp:
            return try namespace.perform(from: home) { () throws(Errno) -> OwnedDescriptor in
                try UDPSocket.connect(to: server, mark: mark)
            }
        }
    }
}
