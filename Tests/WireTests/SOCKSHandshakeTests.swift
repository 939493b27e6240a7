import Primitives
import Testing
import Wire

@Suite struct SOCKSHandshakeTests {
    /// Gives the machine what it wants of `bytes`, piece by piece.
    /// - Returns: all replies, what it came to, and what it left.
    private static func run(_ hex: String) -> (replies: String, outcome: SOCKSHandshake.Outcome?, rest: Int) {
        var machine = SOCKSHandshake()
        var rest = DNSBytes.bytes(hex)[...]
        var replies: [UInt8] = []
        while machine.byteCountWanted > 0, rest.count >= machine.byteCountWanted {
            let count = machine.byteCountWanted
            let outcome = machine.take(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
            switch outcome {
            case .more(let reply): replies += reply
            case .refused(let reply): return (DNSBytes.hex(replies + reply), outcome, rest.count)
            case .target: return (DNSBytes.hex(replies), outcome, rest.count)
            }
        }
        return (DNSBytes.hex(replies), nil, rest.count)
    }

    @Test(arguments: [
        ("05010005010001" + "0a600005" + "0050", "10.96.0.5:80"),
        ("050302010005010004" + "20010db8000000000000000000000001" + "01bb", "[2001:db8::1]:443"),
        ("05010005010001" + "0a600005" + "0050" + "474554", "10.96.0.5:80"),
    ])
    func `an address is the target and nothing behind it is taken`(hex: String, target: String) throws {
        let result = Self.run(hex)
        #expect(result.replies == "0500")
        #expect(result.outcome == .target(.endpoint(try #require(Endpoint(target)))))
        #expect(result.rest == (hex.hasSuffix("474554") ? 3 : 0))
    }

    @Test func `a name is the target as it was written`() {
        let result = Self.run("05010005010003" + "09" + "636172742e73686f70" + "0050")
        #expect(result.outcome == .target(.name("cart.shop", port: 80)))
    }

    @Test(arguments: [
        // Another version, no methods, none that we know; another command, version, address type; no name, no text.
        "0401", "0500", "05020102", "05010005020001", "05010004010001", "05010005010002", "0501000501000300",
        "05010005010003" + "02" + "fffe" + "0050",
    ])
    func `whatever is no handshake is told that it is not supported`(hex: String) {
        let result = Self.run(hex)
        #expect(result.replies.hasSuffix("05070001000000000000"))
        #expect(result.outcome == .refused(reply: SOCKSHandshake.reply(.commandNotSupported)))
    }

    @Test func `nothing that comes in pieces of the size wanted breaks it`() {
        var random = Draw(UInt64.random(in: 0 ... .max))
        for _ in 0..<2000 {
            var machine = SOCKSHandshake()
            var byteCount = 0
            while machine.byteCountWanted > 0 {
                #expect(machine.byteCountWanted <= 257)
                var bytes = (0..<machine.byteCountWanted).map { _ in UInt8(random.next() & 7) }
                if Bool.random(using: &random) { bytes[0] = 5 }
                byteCount += bytes.count
                _ = machine.take(bytes)
            }
            #expect(byteCount <= 2 + 255 + 4 + 1 + 257)
        }
    }
}
