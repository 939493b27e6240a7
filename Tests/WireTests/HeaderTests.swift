import Primitives
import Testing
import Wire

@Suite struct ForwardedTests {
    @Test func `the client is quoted and the service follows bare`() throws {
        let v4 = try #require(Endpoint("10.1.0.5:40000"))
        let v6 = try #require(Endpoint("[::1]:1234"))
        let host = "cart.shop.svc.cluster.local"
        #expect(
            Forwarded.encode(client: v4, host: host)
                == Array("for=\"10.1.0.5:40000\";host=cart.shop.svc.cluster.local".utf8))
        #expect(Forwarded.encode(client: v6, host: nil) == Array("for=\"[::1]:1234\"".utf8))
    }

    @Test(arguments: [
        ("for=\"10.1.0.5:40000\";host=cart.shop", "cart.shop"), ("host=a", "a"), ("for=x; host=\"a\" ;host=b", "a"),
        ("\thost=a ", "a"), ("host=a,for=b", "a,for=b"), ("host=\"", "\""), ("xhost=b;host=a", "a"),
    ])
    func `the first host is found`(header: String, host: String) {
        #expect(Forwarded.host(in: header.utf8) == host)
    }

    @Test(arguments: [
        "", "for=\"1.2.3.4:1\"", "host=", "host=\"\"", "host=;host=a", "Host=a", "host =a", "host=ü", "host=a\u{0}",
    ])
    func `a header without a usable host names none`(header: String) {
        #expect(Forwarded.host(in: header.utf8) == nil)
    }

    @Test func `an endless header names none`() {
        #expect(Forwarded.host(in: ("host=a;" + String(repeating: "x", count: 5000)).utf8) == nil)
    }
}

@Suite struct TraceParentTests {
    private static let example = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"

    @Test func `random words make a trace that is not sampled`() {
        let trace = TraceParent(random: 0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef)
        #expect(trace.encoded == Array(Self.example.utf8))
        let least = "00-00000000000000000000000000000001-0000000000000001-00"
        #expect(TraceParent(random: 0, 0, 0).encoded == Array(least.utf8))
    }

    @Test(arguments: [example, "00-ffffffffffffffffffffffffffffffff-00000000000000ff-01"])
    func `a header is read and written`(text: String) {
        #expect(TraceParent(text.utf8)?.encoded == Array(text.utf8))
    }

    @Test func `upper case digits are read`() {
        #expect(TraceParent(Self.example.uppercased().utf8)?.encoded == Array(Self.example.utf8))
    }

    @Test(arguments: [
        "", "abc", String(example.dropLast()), example + "0", String(repeating: "0", count: 55),
        example.replacing("-", with: "_"), example.replacing("f-00", with: "-f00"), example.replacing("a", with: "g"),
        example.replacing("a", with: "+"), example.replacing("00-", with: "0--"), String(repeating: "-", count: 55),
    ])
    func `anything else is no trace`(text: String) {
        #expect(TraceParent(text.utf8) == nil)
    }
}

@Suite struct ProxyProtocolTests {
    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test func `an IPv4 header with identity is the contract's vector`() throws {
        let source = try #require(Endpoint("10.1.0.5:40000"))
        let destination = try #require(Endpoint("10.96.0.5:80"))
        let header = ProxyProtocol.header(
            source: source, destination: destination, identity: "spiffe://cluster.local/ns/shop/sa/web")
        #expect(
            Self.hex(header) == "0d0a0d0a000d0a515549540a" + "21110034" + "0a010005" + "0a600005" + "9c40" + "0050"
                + "d00025"
                + "7370696666653a2f2f636c75737465722e6c6f63616c2f6e732f73686f702f73612f776562")
    }

    @Test func `IPv6 has its own family and no identity means no TLV`() throws {
        let endpoint = try #require(Endpoint("[2001:db8::1]:1"))
        let header = ProxyProtocol.header(source: endpoint, destination: endpoint, identity: nil)
        #expect(header.count == 16 + 36)
        #expect(Self.hex(header).dropFirst(24).prefix(8) == "21210024")
    }

    @Test func `mixed families cannot be told`() throws {
        let v4 = try #require(Endpoint("10.1.0.5:1"))
        let v6 = try #require(Endpoint("[::1]:1"))
        let header = ProxyProtocol.header(source: v4, destination: v6, identity: nil)
        #expect(Self.hex(header) == "0d0a0d0a000d0a515549540a" + "21000000")
    }
}
