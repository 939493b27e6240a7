import EventLoop
import Primitives
import RPC
import System
import Testing
import TLS

/// Against grpcio, which `Tests/peers/prepare` installs.
@Suite(.enabled(if: Peer.isPrepared, "no peers: run Tests/peers/prepare"))
struct GRPCPeerTests {
    @Test func `grpcio as a client gets right answers from our server`() throws {
        var options = RPCServerOptions()
        options.requestByteCountMax = 16 << 20
        let pair = try Pair(server: options)
        let folder = try Folder()
        let root = try folder.write("root.pem", pair.authority.rootPEM)
        let child = try Peer.start(["call", "\(pair.server.endpoint.port)", root], output: .inherited)
        var status: System.ExitStatus?
        pair.loop.turn(
            until: {
                status = try? child.wait(atMost: .zero)
                return status != nil
            }, limit: .seconds(60))
        #expect(status == .exited(0))
        if status == nil { child.send(signal: 9) }
    }

    @Test func `our channel gets right answers from grpcio as a server, and notices when it falls silent`() throws {
        let authority = try Authority()
        let folder = try Folder()
        let chain = try folder.write("chain.pem", authority.chainPEM)
        let key = try folder.write("key.pem", authority.key.pem())
        let child = try Peer.start(["serve", chain, key], output: .appending(path: folder.path + "/port"))
        defer { child.send(signal: 9) }
        let port = try #require(try folder.port())
        let loop = try EventLoop()
        var options = RPCChannelOptions()
        options.timing.keepAliveInterval = .milliseconds(200)
        options.timing.keepAliveTimeout = .milliseconds(200)
        let target = try #require(RPCTarget("localhost:\(port)"))
        let channel = RPCChannel(
            target: target, context: try authority.clientContext(), options: options, loop: loop)
        defer { channel.close() }
        func unary(_ path: String, _ message: [UInt8], _ metadata: [HTTPField] = []) -> Result<[UInt8], RPCStatus>? {
            var outcome: Result<[UInt8], RPCStatus>?
            channel.unary(path, message, metadata: metadata) { outcome = $0 }
            loop.turn(until: { outcome != nil }, limit: .seconds(30))
            return outcome
        }
        #expect(unary("/test.Echo/Unary", [1, 2, 3]) == .success([1, 2, 3]))
        let large = [UInt8](repeating: 9, count: 10 << 20)
        #expect(unary("/test.Echo/Unary", large) == .success(large))
        let token = [HTTPField("authorization", "Bearer secret")]
        #expect(unary("/test.Echo/Token", [], token) == .success(Array("Bearer secret".utf8)))
        #expect(unary("/test.Echo/Nothing", [])?.status?.code == .unimplemented)
        let failure = unary("/test.Echo/Fail", Array("größer".utf8))?.status
        #expect(failure == RPCStatus(.failedPrecondition, "größer", origin: .peer))

        var received: [[UInt8]] = []
        var ended: RPCStatus?
        let stream = channel.stream("/test.Echo/Stream")
        stream.onMessage = { received.append($0) }
        stream.onEnded = { status, _ in ended = status }
        stream.send([1])
        loop.turn(until: { received.count == 1 })
        #expect(received == [[1]])
        child.send(signal: 19)
        loop.turn(until: { ended != nil })
        #expect(ended == RPCStatus(.unavailable, "the peer does not answer pings", origin: .transport))
    }
}

/// The script that runs grpcio.
private enum Peer {
    private static let python = ".build/peers/bin/python"

    static var isPrepared: Bool { (try? FileSystem.read(".build/peers/pyvenv.cfg")) != nil }

    static func start(_ arguments: [String], output: ChildProcess.Stream) throws -> ChildProcess {
        var options = ChildProcess.Options()
        options.output = output
        return try ChildProcess.spawn([python, "Tests/peers/grpc_echo.py"] + arguments, options: options)
    }
}

/// A folder for one test's files.
private final class Folder {
    let path: String

    init() throws {
        path = "/tmp/culvert-rpc-\(Entropy.uint64())"
        _ = try ChildProcess.run(["mkdir", "-p", path])
    }

    deinit { _ = try? ChildProcess.run(["rm", "-rf", path]) }

    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        _ = try ChildProcess.run(["tee", "\(path)/\(name)"], input: bytes)
        return "\(path)/\(name)"
    }

    /// The number that a peer writes once it serves.
    func port() throws -> UInt16? {
        for _ in 0..<300 {
            let text = (try? FileSystem.read("\(path)/port")).map { String(decoding: $0, as: UTF8.self) } ?? ""
            if text.hasSuffix("\n"), let port = Endpoint.port(text.dropLast()) { return port }
            _ = try ChildProcess.run(["sleep", "0.1"])
        }
        return nil
    }
}
