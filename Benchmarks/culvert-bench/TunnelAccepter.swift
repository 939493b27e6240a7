import EventLoop
import Primitives
import System
import TLS
import Tunnel

/// Accepts tunnels and connects each of their streams to one application: what a node does for its pods, without
/// policy.
final class TunnelAccepter: TunnelOwner, TunnelStreamOwner {
    private let loop: EventLoop
    private let buffers = RelayBuffers()
    private let context: TLSContext
    private let application: Endpoint
    private var listener: Listener?
    private var tunnels: [ObjectIdentifier: TunnelConnection] = [:]

    init(on endpoint: Endpoint, application: Endpoint, credentials: TLSCredentials, loop: EventLoop) throws {
        self.loop = loop
        self.application = application
        context = try TLSContext.workloadServer(credentials, options: .benchmark)
        listener = try Listener(endpoint, loop: loop) { [unowned self] socket in self.accept(socket) }
    }

    var endpoint: Endpoint? { listener?.endpoint }

    private func accept(_ socket: consuming OwnedDescriptor) {
        guard let tls = try? TLSConnection(server: context),
            let tunnel = try? TunnelConnection(
                accepting: socket, tls: tls, loop: loop, buffers: buffers, owner: self)
        else { return }
        tunnels[ObjectIdentifier(tunnel)] = tunnel
    }

    func tunnelEstablished(_ tunnel: TunnelConnection) {}

    func tunnelRequested(_ tunnel: TunnelConnection, _ stream: TunnelStream, head: [HTTPField]) {
        stream.adopt(by: self)
        do {
            try stream.connect(TCPSocket.connect(to: application))
        } catch {
            stream.refuse([HTTPField(":status", "503")])
        }
    }

    func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?) {
        tunnels[ObjectIdentifier(tunnel)] = nil
    }

    func streamConnected(_ stream: TunnelStream) { stream.accept([HTTPField(":status", "200")]) }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) {}
}
