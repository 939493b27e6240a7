import Primitives
import Resolver
import Testing

@Suite struct ResolverConfigurationTests {
    @Test func `name servers and patience are read and the rest is passed over`() {
        let read = ResolverConfiguration(
            resolvConf: """
                # nameserver 192.0.2.9
                search shop.svc.cluster.local
                nameserver 10.96.0.10
                  nameserver\tfd00::a
                nameserver fe80::1%eth0
                nameserver ns.example.com
                nameserver
                options ndots:5 timeout:2 attempts:3 rotate
                ; nameserver 192.0.2.8
                """)
        #expect(read.servers.map(\.description) == ["10.96.0.10:53", "[fd00::a]:53"])
        #expect(read.timeout == .seconds(2))
        #expect(read.retryCount == 3)
    }

    @Test func `what is not said and what is out of bounds has a standard`() {
        #expect(ResolverConfiguration(resolvConf: "") == ResolverConfiguration(servers: []))
        let read = ResolverConfiguration(
            resolvConf: "options timeout:0 attempts:99\noptions timeout:x attempts\n"
                + (1...9).map { "nameserver 192.0.2.\($0)\n" }.joined())
        #expect(read.timeout == .seconds(1))
        #expect(read.retryCount == Limits.nameServerRetryCountMax)
        #expect(read.servers.count == Limits.nameServerCountMax)
        #expect(ResolverConfiguration(resolvConf: "options timeout:99999").timeout == .seconds(30))
    }
}
