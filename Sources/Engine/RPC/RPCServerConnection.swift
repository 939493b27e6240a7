import EventLoop
import HTTP2
import Identity
import Primitives

/// A connection of a server, between its transport and the server. It is proven once one of its calls was let in.
final class RPCServerConnection: RPCConnectionOwner {
    let peer: Endpoint
    private(set) var isProven = false
    private let server: RPCServer
    private let loop: EventLoop
    private var transport: RPCConnection?
    private var timer: TimerToken?

    init(peer: Endpoint, server: RPCServer, loop: EventLoop) {
        (self.peer, self.server, self.loop) = (peer, server, loop)
    }

    var peerIdentity: SPIFFEID? { transport?.peerIdentity }

    func start(_ transport: RPCConnection) {
        self.transport = transport
        timer = loop.after(Limits.rpcUnprovenDuration) { [weak self] in
            self?.transport?.close(RPCStatus(.unauthenticated, "no call was let in"))
        }
    }

    func drain() { transport?.drain() }

    func close() { transport?.close(RPCStatus(.unavailable, "the server stops")) }

    func respond(on carrier: MessageStream, fields: [HTTPField], endsStream: Bool) {
        transport?.respond(on: carrier, fields: fields, endsStream: endsStream)
    }

    /// A call's head has arrived.
    func began(_ stream: RPCServerStream) {
        if let refusal = server.admit(stream.head) { return stream.finish(refusal) }
        if !isProven {
            isProven = true
            if let timer { loop.cancel(timer) }
            timer = nil
            server.connectionProven()
        }
        server.dispatch(stream)
    }

    func connectionReady(_ connection: RPCConnection) {}

    func connectionDraining(_ connection: RPCConnection) {}

    func connectionAccepts(_ connection: RPCConnection) -> HTTP2Stream? {
        let stream = RPCServerStream(on: self, loop: loop, messageByteCountMax: server.requestByteCountMax)
        stream.transport?.attach(to: connection)
        return stream.transport
    }

    func connectionWillClose(_ connection: RPCConnection, _ reason: RPCStatus?) {}

    func connectionClosed(_ connection: RPCConnection, _ reason: RPCStatus?) {
        if let timer { loop.cancel(timer) }
        timer = nil
        transport = nil
        server.connectionClosed(self, reason)
    }
}
