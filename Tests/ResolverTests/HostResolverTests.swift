import EventLoop
import Primitives
import Testing
import Wire

@testable import Resolver

@Suite(.serialized) struct HostResolverTests {
    private static let found = ["192.0.2.1", "2001:db8::1"].compactMap { IPAddress($0) }

    private static func resolve(
        _ name: String, _ resolver: HostResolver, _ upstream: Upstream
    ) throws -> Result<[IPAddress], ResolutionFailure> {
        var result: Result<[IPAddress], ResolutionFailure>?
        resolver.resolve(name) { result = $0 }
        return try upstream.wait { result }.map { $0.sorted() }
    }

    @Test func `a name has the addresses of both families, by way of an alias too`() throws {
        let upstream = try Upstream()
        let resolver = HostResolver(loop: upstream.loop, servers: upstream.servers())
        #expect(try Self.resolve("www.example.com", resolver, upstream) == .success(Self.found))
        #expect(try Self.resolve("cname.example.com", resolver, upstream) == .success(Self.found))
        #expect(try upstream.values(of: "edns", for: "www.example.com") == ["1232", "1232"])
        let v4 = HostResolver(loop: upstream.loop, servers: upstream.servers(), families: [.v4])
        #expect(try Self.resolve("v4.example.com", v4, upstream) == .success([Self.found[0]]))
        #expect(try Self.resolve("192.0.2.77", v4, upstream).get().map(\.description) == ["192.0.2.77"])
        for name in ["", ".", "a..b", String(repeating: "a", count: 64)] {
            #expect(try Self.resolve(name, v4, upstream) == .failure(.noName))
        }
    }

    @Test func `of a name with thousands of addresses a bounded number is kept`() throws {
        let addresses = (1...5000 as ClosedRange<UInt32>).map { IPAddress(v4: $0) }
        let lookup = DNSMessage.Lookup(addresses: addresses, timeToLive: 60)
        let kept = try HostLookup.Findings([.success(lookup), .success(lookup)]).outcome.get()
        #expect(kept.count == 2 * Limits.resolvedAddressCountMax)
        #expect(kept.first == addresses.first)
    }

    @Test func `a name is asked for once however many want it, and not again before its time`() throws {
        let upstream = try Upstream()
        let resolver = HostResolver(loop: upstream.loop, servers: upstream.servers())
        var count = 0
        for _ in 0..<100 { resolver.resolve("ttl1.example.com") { if case .success = $0 { count += 1 } } }
        _ = try upstream.wait { count == 100 ? true : nil }
        _ = try Self.resolve("ttl1.example.com", resolver, upstream).get()
        #expect(try upstream.questionCount("ttl1.example.com", .a) == 1)
        upstream.pass(.milliseconds(1100))
        _ = try Self.resolve("ttl1.example.com", resolver, upstream).get()
        #expect(try upstream.questionCount("ttl1.example.com", .a) == 2)
        for _ in 0..<3 { _ = try Self.resolve("ttl0.example.com", resolver, upstream).get() }
        #expect(try upstream.questionCount("ttl0.example.com", .a) == 3, "what may not be kept is not kept")
    }

    @Test func `that there is nothing is remembered, and a failure is for a moment`() throws {
        let upstream = try Upstream()
        let resolver = HostResolver(loop: upstream.loop, servers: upstream.servers())
        for name in ["nx.example.com", "nodata.example.com"] {
            for _ in 0..<5 { #expect(try Self.resolve(name, resolver, upstream) == .success([])) }
            #expect(try upstream.questionCount(name, .a) == 1)
        }
        for _ in 0..<5 {
            #expect(try Self.resolve("servfail.example.com", resolver, upstream) == .failure(.refused(.serverFailure)))
        }
        #expect(try upstream.questionCount("servfail.example.com", .a) == 1)
        upstream.pass(.milliseconds(1100))
        _ = try Self.resolve("servfail.example.com", resolver, upstream)
        #expect(try upstream.questionCount("servfail.example.com", .a) == 2)
        #expect(try upstream.questionCount("nx.example.com", .a) == 1)
        upstream.pass(.milliseconds(1000))
        _ = try Self.resolve("nx.example.com", resolver, upstream)
        #expect(try upstream.questionCount("nx.example.com", .a) == 2, "the zone said two seconds")
    }

    @Test func `an answer that was cut is asked for again over TCP`() throws {
        let upstream = try Upstream()
        let resolver = HostResolver(loop: upstream.loop, servers: upstream.servers(), families: [.v4])
        #expect(try Self.resolve("big.example.com", resolver, upstream).get().count == 150)
        #expect(try upstream.questionCount("big.example.com", over: .udp) == 1)
        #expect(try upstream.questionCount("big.example.com", over: .tcp) == 1)
    }

    @Test func `one family is not held up by the other`() throws {
        let upstream = try Upstream()
        let resolver = HostResolver(loop: upstream.loop, servers: upstream.servers(timeout: .seconds(5)))
        let started = upstream.loop.now
        #expect(try Self.resolve("late.example.com", resolver, upstream) == .success([Self.found[0]]))
        #expect(upstream.loop.now - started < .seconds(2))
        #expect(try Self.resolve("v4only.example.com", resolver, upstream) == .success([Self.found[0]]))
    }

    @Test func `there is a bound on names under way and on those who wait`() throws {
        let upstream = try Upstream()
        let resolver = HostResolver(
            loop: upstream.loop, servers: upstream.servers(timeout: .seconds(5)), families: [.v4])
        var refused = 0
        let note: HostResolver.Completion = { if $0 == .failure(.overloaded) { refused += 1 } }
        for _ in 0..<Limits.resolutionWaiterCountMax + 10 { resolver.resolve("silent.example.com", note) }
        #expect(refused == 10)
        for number in 1..<Limits.resolutionUnderWayCountMax + 10 {
            resolver.resolve("silent\(number).example.com", note)
        }
        #expect(refused == 20)
        resolver.stop()
    }
}
