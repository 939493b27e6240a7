import Primitives
import Testing

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("1.2.3.4", "1.2.3.4"), ("::", "::"), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"), ("1::", "1::"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("::ffff:10.0.0.1", "10.0.0.1"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func `text is read and written canonically`(text: String, canonical: String) {
        let address = IPAddress(text)
        #expect(address?.description == canonical)
        #expect(address.flatMap { IPAddress(bytes: $0.bytes) } == address)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "+1.2.3.4", ":::", ":1", "1:", "1::2::3",
        "1:2:3:4:5:6:7:8:9", "12345::", "g::", "1:2:3:4:5:6:7", "::1.2.3", "::1.2.3.4:1", "[::1]", "::1%lo",
        "1:2:3:4:5:6:7:8::",
        "::+1", "-0::", "::-1",
    ])
    func `anything else is refused`(text: String) { #expect(IPAddress(text) == nil) }

    @Test func `a prefix contains by its leading bits only`() throws {
        let wide = try #require(IPPrefix("127.0.0.1/24"))
        #expect(try wide.contains(#require(IPAddress("127.0.0.2"))))
        #expect(try !wide.contains(#require(IPAddress("127.0.1.2"))))
        #expect(try #require(IPPrefix("0.0.0.0/0")).contains(#require(IPAddress("9.9.9.9"))))
        #expect(try !#require(IPPrefix("::/0")).contains(#require(IPAddress("9.9.9.9"))))
        #expect(try #require(IPPrefix("2001:db8::/33")).contains(#require(IPAddress("2001:db8:7fff::1"))))
        #expect(try !#require(IPPrefix("2001:db8::/33")).contains(#require(IPAddress("2001:db8:8000::1"))))
        #expect(try #require(IPPrefix("2001:db8::8/125")).contains(#require(IPAddress("2001:db8::f"))))
        #expect(IPPrefix("1.2.3.4/33") == nil && IPPrefix("::/129") == nil && IPPrefix("1.2.3.4/+1") == nil)
    }

    @Test func `an endpoint brackets IPv6`() {
        #expect(Endpoint("[2001:db8::1]:80")?.description == "[2001:db8::1]:80")
        #expect(Endpoint("1.2.3.4:0080")?.port == 80)
        for text in ["1.2.3.4", "1.2.3.4:", "::1:80", "[1.2.3.4]:80", "1.2.3.4:65536", "host:80", "1.2.3.4:-1"] {
            #expect(Endpoint(text) == nil, "\(text)")
        }
    }
}
