import Mesh
import Primitives
import System

/// The two sockets on which a pod asks for names at one of its own addresses.
final class NameListener: Sendable {
    let datagrams: ListeningSocket
    let streams: ListeningSocket

    private init(_ endpoint: Endpoint, _ options: TCPSocket.ListenOptions) throws(Errno) {
        var datagramOptions = UDPSocket.BindOptions()
        datagramOptions.mark = options.mark
        datagramOptions.reusePort = options.reusePort
        datagramOptions.isFirst = options.isFirst
        // Datagrams would be taken from whoever is bound already.
        datagramOptions.reuseAddress = !options.reusePort
        datagrams = ListeningSocket(try UDPSocket.bind(to: endpoint, options: datagramOptions))
        streams = try PodListeners.listen(on: endpoint, options)
    }

    /// Binds where the operator wants names to be asked; nowhere when that is off.
    static func bind(
        _ configuration: NodeConfiguration, _ options: TCPSocket.ListenOptions
    ) throws(Errno) -> [NameListener] {
        guard configuration.answersNames else { return [] }
        var listeners: [NameListener] = []
        for endpoint in configuration.nameEndpoints {
            do {
                listeners.append(try NameListener(endpoint, options))
            } catch {
                guard configuration.mayBeAbsent(endpoint.address, error) else { throw error }
            }
        }
        return listeners
    }
}

extension NodeConfiguration {
    /// Where names are answered in each pod's namespace.
    var nameEndpoints: [Endpoint] {
        switch nameAddress {
        case .loopback(let port): loopbackEndpoints(port: port)
        case .endpoint(let endpoint): [endpoint]
        }
    }

    /// A port on the loopback addresses.
    func loopbackEndpoints(port: UInt16) -> [Endpoint] {
        let v4 = Endpoint(IPAddress(v4: 0x7f00_0001), port: port)
        return isIPv6Enabled ? [v4, Endpoint(IPAddress(v6High: 0, low: 1), port: port)] : [v4]
    }

    /// Whether a pod may lack this address: IPv6 may be off in its namespace, or in the kernel.
    func mayBeAbsent(_ address: IPAddress, _ failure: Errno) -> Bool {
        address == IPAddress(v6High: 0, low: 1) && (failure == .addressNotAvailable || failure == .familyNotSupported)
    }
}
