import Wire

/// Bytes and texts of the tests.
enum DNSBytes {
    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// `cart.shop.svc.cluster.local` in wire form, without its end.
    static let cart = "04636172740473686f700373766307636c7573746572056c6f63616c"
    /// What a client sends that asks for an address of it.
    static let question = "123401000001000000000000\(cart)0000010001"
    /// An answer of a real upstream: an alias and its address, with names that point back.
    static let alias =
        "12348180000100020000000005636e616d65076578616d706c6503636f6d000001000105636e616d65076578616d706c6503636f6d"
        + "00000500010000004d000906746172676574c029c040000100010000004e0004c0000209"
    /// The same name with an OPT record.
    static func question(_ options: String) -> String { "123401000001000000000001\(cart)0000010001\(options)" }

    static func query(_ hex: String, over transport: DNSQuery.Transport = .udp) -> DNSQuery? {
        guard case .query(let query) = DNSQuery.receive(bytes(hex), over: transport) else { return nil }
        return query
    }
}
