import Primitives
import Testing
import Wire

/// The rows are requests sent to a real ztunnel, with what it made of them.
@Suite struct AuthorityTests {
    @Test(arguments: [
        ("10.244.32.4:8080", "10.244.32.4:8080"), ("10.244.32.4:0", "10.244.32.4:0"),
        ("10.244.32.4:08080", "10.244.32.4:8080"),
        ("[fd00:10:244:1::4]:8080", "[fd00:10:244:1::4]:8080"), ("[2001:DB8::1]:80", "[2001:db8::1]:80"),
        ("127.0.0.1:65535", "127.0.0.1:65535"),
    ])
    func `an address and a port are an endpoint`(text: String, endpoint: String) throws {
        let expected = try #require(Endpoint(endpoint))
        #expect(try Authority(text) == .address(expected))
        #expect(try Authority(text).description == endpoint)
    }

    @Test(arguments: [
        ("srv.shop.svc.cluster.local:80", "srv.shop.svc.cluster.local", 80), ("SRV.SHOP:80", "SRV.SHOP", 80),
        ("srv.shop.:80", "srv.shop.", 80), ("srv:80", "srv", 80), ("u@10.244.32.4:8080", "10.244.32.4", 8080),
        ("u:p@host:1", "host", 1), ("1.2.3:80", "1.2.3", 80), ("01.2.3.4:80", "01.2.3.4", 80),
    ])
    func `everything else with a port is a host name as it was spelled`(text: String, host: String, port: UInt16) throws
    {
        #expect(try Authority(text) == .name(host, port: port))
    }

    @Test(arguments: [
        "foo", "10.244.32.4", "10.244.32.4:", "10.244.32.4:65536", "10.244.32.4:http", "10.244.32.4:+80", "host:-1",
        ":80", "u@:80",
        "[::ffff:10.244.32.4]:8080", "[10.244.32.4]:80", "[::1]", "[]:80", "[::1]:99999", "[::g]:80",
        "host:80808080808080808",
    ])
    func `what is well formed but no host and port is unusable`(text: String) {
        #expect(throws: Authority.Failure.unusable) { try Authority(text) }
    }

    @Test(arguments: [
        "", "10.244.32.4:8080/x", "fd00:10:244:1::4:8080", "a b:80", "[::1:80", "::1]:80", "[::1]x:80", "[::1]80",
        "a[::1]:80",
        "host:80#", "höst:80", "[::1][::2]:80", "a:b:80",
    ])
    func `what breaks the syntax is malformed`(text: String) {
        #expect(throws: Authority.Failure.malformed) { try Authority(text) }
    }

    @Test func `a name longer than any host is unusable`() {
        #expect(throws: Authority.Failure.unusable) { try Authority(String(repeating: "a", count: 2000) + ":80") }
    }
}
