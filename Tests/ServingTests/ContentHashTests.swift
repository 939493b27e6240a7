import Testing

@testable import Serving

@Suite struct ContentHashTests {
    @Test func `published vectors of XXH64 are met`() {
        let vectors: [(String, UInt64)] = [
            ("", 0xef46_db37_51d8_e999),
            ("a", 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0x44bc_2cf5_ad77_0999),
            ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
        ]
        for (text, hash) in vectors { #expect(ContentHash.xxh64(Array(text.utf8)) == hash, "\(text)") }
    }
}
