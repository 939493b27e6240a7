import EventLoop
import Glibc
import Primitives
import Resolver
import System
import Testing
import Wire

/// Questions to a name server that we did not write, which also misbehaves.
@Suite(.serialized) struct DNSExchangeTests {
    @Test(arguments: [DNSQuery.Transport.udp, .tcp])
    func `an answer comes as the server wrote it`(transport: DNSQuery.Transport) throws {
        let upstream = try Upstream()
        for type in [DNSType.a, .aaaa, DNSType(rawValue: 15), DNSType(rawValue: 16), DNSType(rawValue: 65)] {
            let message = try upstream.ask("www.example.com", type, over: transport).get()
            #expect(message.header.code == .noError && message.header.offersRecursion)
            #expect(message.records.map(\.section) == [.answer, .authority, .additional])
            #expect(message.records.first?.type == type)
        }
        #expect(try upstream.questionCount("www.example.com", over: transport) == 5)
    }

    @Test func `each question has its own id and its own port`() throws {
        let upstream = try Upstream()
        for _ in 0..<20 { _ = try upstream.ask("www.example.com").get() }
        #expect(Set(try upstream.values(of: "id", for: "www.example.com")).count >= 19)
        #expect(Set(try upstream.values(of: "port", for: "www.example.com")).count >= 15)
    }

    @Test func `an answer in the company of forged ones is found, and forged ones alone are none`() throws {
        let upstream = try Upstream()
        #expect(try upstream.ask("strays.example.com").get().records.count == 3)
        for name in ["wrongid.example.com", "garbage.example.com", "silent.example.com"] {
            #expect(try upstream.ask(name) == .failure(.unanswered(nil)))
            #expect(try upstream.questionCount(name) == 2, "\(name) is asked again once")
        }
    }

    @Test func `a datagram that was lost is asked again`() throws {
        let upstream = try Upstream()
        #expect(try upstream.ask("flaky.example.com").get().header.code == .noError)
        #expect(try upstream.questionCount("flaky.example.com") == 2)
    }

    @Test func `a failure is passed on and another server is asked before`() throws {
        let upstream = try Upstream(count: 2)
        for (name, code) in [("servfail", DNSHeader.Code.serverFailure), ("refused", .refused)] {
            #expect(try upstream.ask("\(name).example.com").get().header.code == code)
            #expect(try upstream.questionCount("\(name).example.com") == 2, "one for each server")
        }
        #expect(try upstream.ask("nx.example.com").get().header.code == .noSuchName)
        #expect(try upstream.questionCount("nx.example.com") == 1, "that there is nothing is an answer")
    }

    @Test(arguments: [DNSQuery.Transport.udp, .tcp])
    func `a server that is not there makes room for the next at once`(transport: DNSQuery.Transport) throws {
        let upstream = try Upstream()
        let nobody = Endpoint(upstream.endpoints[0].address, port: 5399)
        let started = MonotonicClock.now()
        let servers = upstream.servers([nobody] + upstream.endpoints, timeout: .seconds(5))
        #expect(try upstream.ask("www.example.com", over: transport, servers).get().header.code == .noError)
        #expect(MonotonicClock.now() - started < .seconds(2))
    }

    @Test func `servers that are not there get the time that was set, and no more`() throws {
        let upstream = try Upstream()
        let nobody = Endpoint(upstream.endpoints[0].address, port: 5399)
        let started = MonotonicClock.now()
        let failure = try upstream.ask("www.example.com", .a, over: .udp, upstream.servers([nobody], retryCount: 2))
        #expect(failure == .failure(.unanswered(.connectionRefused)))
        let span = MonotonicClock.now() - started
        #expect(span >= .milliseconds(850) && span < .seconds(3), "\(span)")
        #expect(try upstream.ask("www.example.com", .a, over: .udp, upstream.servers([])) == .failure(.noServer))
    }

    @Test func `a question that is no longer wanted leaves nothing open`() throws {
        let upstream = try Upstream()
        let question = DNSMessage.Question(try #require(DNSName("silent.example.com")), .a)
        func openCount() throws -> Int { try FileSystem.entries(of: "/proc/self/fd").count }
        let before = try openCount()
        for _ in 0..<50 {
            let exchange = DNSExchange(
                question, over: .udp, to: upstream.servers(), loop: upstream.loop, buffer: DatagramBuffer(),
                query: { DNSWriter(DNSHeader(id: $0), questions: [question]).finish() },
                completion: { _ in Issue.record("it was called back") })
            exchange.start()
            upstream.loop.turn(waitingAtMost: .zero)
            exchange.cancel()
        }
        #expect(try openCount() == before)
        upstream.pass(.milliseconds(700))
    }
}

extension Result where Success == DNSMessage, Failure == ResolutionFailure {
    /// Messages are not compared.
    static func == (a: Self, b: Self) -> Bool {
        if case .failure(let x) = a, case .failure(let y) = b { return x == y }
        return false
    }
}
