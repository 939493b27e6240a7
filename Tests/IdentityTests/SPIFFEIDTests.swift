import Identity
import Testing

@Suite struct SPIFFEIDTests {
    @Test(arguments: [
        "spiffe://cluster.local/ns/shop/sa/cart", "spiffe://td/ns/a-b/sa/c.d", "spiffe://Mixed.Case/ns/N/sa/S",
        "spiffe:///ns//sa/", "spiffe://td/ns/ns/sa/sa", "spiffe://td/ns/%2F/sa/b",
    ])
    func `an identity is read and written as it is`(text: String) throws {
        let identity = try #require(SPIFFEID(text))
        #expect(identity.description == text)
        #expect("spiffe://\(identity.principal)" == text)
    }

    @Test func `the parts are found`() {
        let expected = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "cart")
        #expect(SPIFFEID("spiffe://cluster.local/ns/shop/sa/cart") == expected)
    }

    @Test(arguments: [
        "", "spiffe://", "cluster.local/ns/shop/sa/cart", "SPIFFE://td/ns/a/sa/b", "spiffe:/td/ns/a/sa/b",
        "https://td/ns/a/sa/b", " spiffe://td/ns/a/sa/b", "spiffe://td/ns/a/sa", "spiffe://td/ns/a/sa/b/",
        "spiffe://td/ns/a/sa/b/c",
        "spiffe://td/namespace/a/sa/b", "spiffe://td/ns/a/account/b", "spiffe://td/sa/a/ns/b", "spiffe://td/NS/a/sa/b",
        "spiffe://td//ns/a/sa/b", "spiffe://td/ns/a/sa/\u{212a}",
    ])
    func `anything else is not an identity`(text: String) {
        #expect(SPIFFEID(text) == nil)
    }
}
