import EventLoop
import Primitives
import RPC
import System
import Testing
import TLS

struct ConnectTests {
    private func failure(
        _ target: RPCTarget, _ context: TLSContext, _ options: RPCChannelOptions = RPCChannelOptions(), loop: EventLoop
    ) -> RPCStatus? {
        let channel = RPCChannel(target: target, context: context, options: options, loop: loop)
        var outcome: Result<[UInt8], RPCStatus>?
        channel.unary("/test.Echo/Unary", [1]) { outcome = $0 }
        loop.turn(until: { outcome != nil })
        channel.close()
        return outcome?.status
    }

    @Test func `a name is looked up and must be in the certificate`() throws {
        let pair = try Pair()
        let port = pair.server.endpoint.port
        let context = try pair.authority.clientContext()
        let target = try #require(RPCTarget("localhost:\(port)"))
        #expect(failure(target, context, loop: pair.loop) == nil)

        var options = RPCChannelOptions()
        options.serverName = "control.example"
        #expect(failure(target, context, options, loop: pair.loop) == nil)
        options.serverName = "other.example"
        #expect(failure(target, context, options, loop: pair.loop)?.origin == .connect)
        options.alternativeNames = ["localhost"]
        #expect(failure(target, context, options, loop: pair.loop) == nil)
    }

    @Test func `a name that does not exist fails the calls that wait for it`() throws {
        let loop = try EventLoop()
        let status = failure(.host("nothing.invalid", port: 1), try Authority().clientContext(), loop: loop)
        #expect(status?.code == .unavailable && status?.origin == .connect)
    }

    @Test func `a refused connection and an untrusted server are failures to connect`() throws {
        let pair = try Pair()
        let context = try pair.authority.clientContext()
        let closed = try TCPSocket.listen(on: Loopback.anyPort)
        let local = TCPSocket.localEndpoint(of: closed)
        let endpoint = try #require(local)
        _ = consume closed
        #expect(failure(.endpoint(endpoint), context, loop: pair.loop)?.origin == .connect)

        let stranger = try Authority(organization: "somebody else").clientContext()
        let server = pair.server.endpoint
        let status = failure(.endpoint(server), stranger, loop: pair.loop)
        #expect(status?.origin == .connect)
        #expect(status?.message.contains("TLS") == true)
    }

    @Test func `a server that accepts and says nothing is left`() throws {
        let loop = try EventLoop()
        let silent = try TCPSocket.listen(on: Loopback.anyPort)
        let local = TCPSocket.localEndpoint(of: silent)
        let endpoint = try #require(local)
        var options = RPCChannelOptions()
        options.timing.handshake = .milliseconds(100)
        let status = failure(.endpoint(endpoint), try Authority().clientContext(), options, loop: loop)
        #expect(status == RPCStatus(.unavailable, "the TLS handshake timed out", origin: .connect))
    }

    @Test func `a lost connection ends its calls, and the next call connects anew`() throws {
        let pair = try Pair()
        var ended: RPCStatus?
        let stream = pair.channel.stream("/test.Echo/Stream")
        stream.onMessage = { _ in pair.server.stop(grace: .zero) }
        stream.onEnded = { status, _ in ended = status }
        stream.send([1])
        pair.loop.turn(until: { ended != nil })
        #expect(ended?.origin == .transport)
        // The server is gone now; a new attempt is made and says so.
        #expect(pair.unary("/test.Echo/Unary", [1])?.status?.origin == .connect)
    }

    @Test func `more unproven connections than allowed are turned away`() throws {
        var options = RPCServerOptions()
        options.unprovenConnectionCountMax = 2
        let pair = try Pair(server: options)
        let endpoint = pair.server.endpoint
        let sockets = try (0..<5).map { _ in Holder(try TCPSocket.connect(to: endpoint)) }
        pair.loop.turn(until: { pair.server.refusedConnectionCount == 3 })
        #expect(pair.server.refusedConnectionCount == 3)
        #expect(pair.server.connectionCount == 2)
        _ = sockets
    }

    @Test(arguments: ["", ":1", "a", "a:", "a:x", "a:65536", "[::1]", "a b:1", "http://a:1"])
    func `what is no target is none`(_ text: String) { #expect(RPCTarget(text) == nil) }

    @Test func `targets read back as they were written`() {
        for text in ["127.0.0.1:1", "[::1]:15012", "istiod.istio-system.svc:15012"] {
            #expect(RPCTarget(text)?.description == text)
        }
    }
}

/// Keeps a socket in an array.
private final class Holder {
    private let descriptor: OwnedDescriptor
    init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
}
