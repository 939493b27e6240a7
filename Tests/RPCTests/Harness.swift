import EventLoop
import Glibc
import Primitives
import RPC
import System
import TLS

/// A CA and the certificate of a server on this machine.
struct Authority {
    let rootPEM: [UInt8]
    let chainPEM: [UInt8]
    let key: PrivateKey

    init(organization: String = "culvert tests") throws {
        let now = WallTime(seconds: Int64(time(nil)))
        let authority = try CertificateAuthority.makeRoot(organization: organization, now: now).authority
        var template = CertificateTemplate(
            notBefore: WallTime(seconds: now.seconds - 60), notAfter: WallTime(seconds: now.seconds + 3600))
        template.dnsNames = ["localhost", "control.example"]
        template.addresses = [Loopback.address]
        key = try PrivateKey.generateP256()
        chainPEM = try authority.issue(template, for: key)
        rootPEM = authority.facts.pem
    }

    func serverContext() throws -> TLSContext { try TLSContext.plainServer(chain: chainPEM, key: key) }

    func clientContext() throws -> TLSContext { try TLSContext.serverAuthenticated(roots: rootPEM) }
}

enum Loopback {
    static let address = IPAddress(v4: 0x7f00_0001)
    static let anyPort = Endpoint(address, port: 0)
}

/// A server and a channel to it, on one loop.
final class Pair {
    let loop: EventLoop
    let authority: Authority
    let server: RPCServer
    let channel: RPCChannel

    init(
        server serverOptions: RPCServerOptions = RPCServerOptions(),
        channel channelOptions: RPCChannelOptions = RPCChannelOptions()
    ) throws {
        loop = try EventLoop()
        authority = try Authority()
        server = try RPCServer(
            on: Loopback.anyPort, context: try authority.serverContext(), options: serverOptions, loop: loop)
        let endpoint = server.endpoint
        channel = RPCChannel(
            target: .endpoint(endpoint), context: try authority.clientContext(), options: channelOptions, loop: loop)
        server.serve("/test.Echo/Unary") { head, message, answer in answer(.success(message)) }
        server.serve("/test.Echo/Never") { _, _, _ in }
        server.serve("/test.Echo/Fail") { _, message, answer in
            answer(.failure(RPCStatus(.failedPrecondition, String(decoding: message, as: UTF8.self))))
        }
        server.serve("/test.Echo/Stream") { stream in
            stream.onMessage = { [weak stream] in stream?.send($0) }
            stream.onFinished = { [weak stream] in stream?.finish() }
        }
    }

    deinit {
        channel.close()
        server.stop(grace: .zero)
        loop.turn(until: { false }, limit: .milliseconds(20))
    }

    /// The outcome of a unary call.
    func unary(_ path: String, _ message: [UInt8], deadline: Duration? = nil) -> Result<[UInt8], RPCStatus>? {
        var outcome: Result<[UInt8], RPCStatus>?
        channel.unary(path, message, deadline: deadline) { outcome = $0 }
        loop.turn(until: { outcome != nil })
        return outcome
    }
}

extension EventLoop {
    /// Turns until `condition` holds, or the limit is reached.
    @discardableResult
    func turn(until condition: () -> Bool, limit: Duration = .seconds(10)) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            turn(waitingAtMost: .milliseconds(5))
        }
        return true
    }
}

extension Result where Failure == RPCStatus {
    var status: RPCStatus? {
        if case .failure(let status) = self { status } else { nil }
    }
}
