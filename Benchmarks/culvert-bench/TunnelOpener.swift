import EventLoop
import Identity
import Primitives
import System
import TLS
import Tunnel

/// Carries every connection to one authority through one peer's tunnel: what a node does for its pods, without routing.
final class TunnelOpener: TunnelStreamOwner {
    /// Who speaks with whom, and about what.
    struct Route: Sendable {
        let source: SPIFFEID
        let expected: SPIFFEID
        let peer: Endpoint
        let authority: String
    }

    private let loop: EventLoop
    private let buffers = RelayBuffers()
    private let pool: TunnelPool
    private let context: TLSContext
    private let key: TunnelKey
    private let request: [HTTPField]
    private var listener: Listener?

    init(
        on endpoint: Endpoint, route: Route, credentials: TLSCredentials,
        idleDuration: Duration = Limits.tunnelIdleDuration, loop: EventLoop
    ) throws {
        self.loop = loop
        pool = TunnelPool(loop: loop, idleDuration: idleDuration)
        context = try TLSContext.workloadClient(credentials, options: .benchmark)
        key = TunnelKey(
            source: route.source, expected: [route.expected], destination: route.peer, workload: "application")
        request = [HTTPField(":method", "CONNECT"), HTTPField(":authority", route.authority)]
        listener = try Listener(endpoint, loop: loop) { [unowned self] socket in self.carry(socket) }
    }

    var endpoint: Endpoint? { listener?.endpoint }

    private func carry(_ socket: consuming OwnedDescriptor) {
        guard let stream = try? TunnelStream(relaying: socket, loop: loop, owner: self) else { return }
        pool.tunnel(for: key, dial: { [unowned self] owner throws(TunnelFailure) in try dial(owner) }) { result in
            do {
                try result.get().open(stream, fields: self.request)
            } catch {
                stream.abort("\(error)")
            }
        }
    }

    private func dial(_ owner: any TunnelOwner) throws(TunnelFailure) -> TunnelConnection {
        do {
            let tls = try TLSConnection(client: context, expecting: key.expected)
            return try TunnelConnection(
                connecting: TCPSocket.connect(to: key.destination), tls: tls, loop: loop, buffers: buffers,
                owner: owner)
        } catch {
            throw .abandoned("\(error)")
        }
    }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) {}
}
