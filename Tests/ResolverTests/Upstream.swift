import EventLoop
import Glibc
import Primitives
import Resolver
import System
import Testing
import Wire

/// Name servers by dnspython on addresses of this machine's own, and the loop of who asks them.
final class Upstream {
    let loop: EventLoop
    let endpoints: [Endpoint]
    private let process: ChildProcess
    private let log: String

    /// Starts a server on each of `count` addresses, all of one process.
    init(count: Int = 1) throws {
        loop = try EventLoop()
        let network = 0x7f4d_0000 + UInt32.random(in: 0..<250) << 8
        endpoints = (0..<count).map { Endpoint(IPAddress(v4: network + UInt32($0) + 1), port: 5300) }
        log = "/dev/shm/culvert-names-\(getpid())-\(UInt32.random(in: 0...(.max)))"
        var options = ChildProcess.Options()
        options.output = .null
        let script = "\(Checkout.repository)/Tests/peers/nameserver"
        process = try ChildProcess.spawn([script, log] + endpoints.map(\.description), options: options)
        for _ in 0..<500 {
            if ((try? FileSystem.read(log)) ?? []).contains(UInt8(ascii: "\n")) {
                // The loop's time stood still meanwhile.
                loop.turn(waitingAtMost: .zero)
                return
            }
            usleep(10_000)
        }
        Issue.record("the name server did not start")
    }

    deinit {
        _ = try? process.stop()
        try? FileSystem.remove(log)
    }

    /// How often the server was asked for `name`.
    func questionCount(_ name: String, _ type: DNSType? = nil, over transport: DNSQuery.Transport? = nil) throws -> Int
    {
        lines(try FileSystem.read(log)).count { line in
            line.contains("\"name\": \"\(name).\"") && (type.map { line.contains("\"type\": \"\($0)\"") } ?? true)
                && (transport.map { line.contains("\"transport\": \"\($0.rawValue)\"") } ?? true)
        }
    }

    /// The values of a field, such as the ids, of all questions for a name.
    func values(of field: String, for name: String) throws -> [String] {
        lines(try FileSystem.read(log)).filter { $0.contains("\"name\": \"\(name).\"") }.compactMap { line in
            line.split(separator: "\"\(field)\": ", maxSplits: 1).dropFirst().first.map {
                String($0.prefix { $0 != "," && $0 != "}" })
            }
        }
    }

    private func lines(_ bytes: [UInt8]) -> [Substring] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    /// The way to these servers, in this order.
    func servers(
        _ endpoints: [Endpoint]? = nil, timeout: Duration = .milliseconds(300), retryCount: Int = 1
    ) -> NameServers {
        let configuration = ResolverConfiguration(
            servers: endpoints ?? self.endpoints, timeout: timeout, retryCount: retryCount)
        return NameServers(configuration) { server, transport throws(Errno) in
            switch transport {
            case .udp: try UDPSocket.connect(to: server)
            case .tcp: try TCPSocket.connect(to: server)
            }
        }
    }

    /// Turns the loop until `result` has come, for ten seconds at most.
    func wait<R>(for result: () -> R?) throws -> R {
        let deadline = MonotonicClock.now() + .seconds(10)
        while MonotonicClock.now() < deadline {
            if let found = result() { return found }
            loop.turn(waitingAtMost: .milliseconds(10))
        }
        return try #require(result())
    }

    /// Turns the loop for so long.
    func pass(_ span: Duration) {
        let deadline = MonotonicClock.now() + span
        while MonotonicClock.now() < deadline { loop.turn(waitingAtMost: .milliseconds(10)) }
    }

    /// One question as a client asks it, to its end.
    func ask(
        _ name: String, _ type: DNSType = .a, over transport: DNSQuery.Transport = .udp, _ servers: NameServers? = nil
    ) throws -> Result<DNSMessage, ResolutionFailure> {
        let question = DNSMessage.Question(try #require(DNSName(name)), type)
        var result: Result<DNSMessage, ResolutionFailure>?
        let exchange = DNSExchange(
            question, over: transport, to: servers ?? self.servers(), loop: loop, buffer: DatagramBuffer(),
            query: { id in
                var header = DNSHeader(id: id)
                header.desiresRecursion = true
                return DNSWriter(header, questions: [question]).finish()
            }, completion: { result = $0 })
        exchange.start()
        return try wait { result }
    }
}

private enum Checkout {
    /// The root of the checkout, from where this file lies in it.
    static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
}
