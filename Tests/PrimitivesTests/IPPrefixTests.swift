import Primitives
import Testing

@Suite struct IPPrefixNetworkTests {
    @Test(arguments: [
        ("10.1.2.3/8", "10.0.0.0/8"), ("10.1.2.3/32", "10.1.2.3/32"), ("10.1.2.3/0", "0.0.0.0/0"),
        ("10.1.2.255/31", "10.1.2.254/31"), ("fd00:1:2:3:4:5:6:7/64", "fd00:1:2:3::/64"),
        ("fd00::7/128", "fd00::7/128"),
        ("fd00::7/0", "::/0"), ("fd00:1:2:3:4:5:6:7/80", "fd00:1:2:3:4::/80"), ("ffff:ffff::/17", "ffff:8000::/17"),
    ])
    func `a network without its host bits has one spelling`(text: String, network: String) throws {
        let prefix = try #require(IPPrefix(text))
        #expect(prefix.network.description == network)
        #expect(prefix.network.contains(prefix.address))
    }
}
