import Primitives
import Testing
import Wire

@Suite struct DNSMessageTests {
    /// A message with one question whose name is `hex`.
    private static func named(_ hex: String, records: String = "") throws(DNSFailure) -> DNSMessage {
        try DNSMessage(DNSBytes.bytes("123401000001000000000000\(hex)00010001\(records)"))
    }

    @Test func `an answer with an alias leads to its address for the shorter of both times`() throws {
        let message = try DNSMessage(DNSBytes.bytes(DNSBytes.alias))
        let question = try #require(message.questions.first)
        #expect(message.isAnswer(to: question, id: 0x1234))
        #expect(message.records.map(\.name.hostname) == ["cname.example.com", "target.example.com"])
        #expect(message.lookup(question) == .init(addresses: [IPAddress(v4: 0xc000_0209)], timeToLive: 77))
    }

    @Test func `an answer to something else is none`() throws {
        let message = try DNSMessage(DNSBytes.bytes(DNSBytes.alias))
        let question = try #require(message.questions.first)
        #expect(!message.isAnswer(to: question, id: 0x1235))
        let other = DNSMessage.Question(try #require(DNSName("other.example.com")), .a)
        #expect(!message.isAnswer(to: other, id: 0x1234))
        #expect(!message.isAnswer(to: DNSMessage.Question(question.name, .aaaa), id: 0x1234))
        #expect(message.lookup(other)?.addresses == [], "records of other names count for nothing")
        let asked = try DNSMessage(DNSBytes.bytes(DNSBytes.question))
        #expect(!asked.isAnswer(to: try #require(asked.questions.first), id: 0x1234), "a question is no answer")
        let spelled = DNSMessage.Question(try #require(DNSName("CNAME.Example.COM")), .a)
        #expect(message.isAnswer(to: spelled, id: 0x1234), "case has no meaning")
    }

    @Test func `a server that cannot read a question may leave it out, and nothing else may come without`() throws {
        let question = DNSMessage.Question(.root, .a)
        #expect(try DNSMessage(DNSBytes.bytes("123481810000000000000000")).isAnswer(to: question, id: 0x1234))
        #expect(try !DNSMessage(DNSBytes.bytes("123481800000000000000000")).isAnswer(to: question, id: 0x1234))
    }

    @Test func `no address is believed for as long as the zone says`() throws {
        let soa =
            "00000600010000003c0016" + "00" + "00" + "00000001" + "00000002" + "00000003" + "00000004" + "0000000a"
        let bytes = DNSBytes.bytes("123481830001000000010000\(DNSBytes.cart)0000010001\(soa)")
        let message = try DNSMessage(bytes)
        let question = try #require(message.questions.first)
        #expect(message.lookup(question) == .init(addresses: [], timeToLive: 10))
        let failed = try DNSMessage(DNSBytes.bytes("123481820001000000000000\(DNSBytes.cart)0000010001"))
        #expect(failed.lookup(question) == nil)
    }

    @Test func `aliases that lead in a circle end nowhere`() throws {
        let circle = "c00c00050001000000050002c00c"
        let message = try DNSMessage(DNSBytes.bytes("123481800001000100000000\(DNSBytes.cart)0000010001\(circle)"))
        #expect(message.lookup(try #require(message.questions.first))?.addresses == [])
    }

    @Test(arguments: [
        // To itself, ahead, into the header, forwards by way of a label, beyond the end, cut off, a reserved form.
        "c00c", "c00e", "c000", "0161c010", "c0ff", "c0", "8000", "4161", "0161",
    ])
    func `a name that leads nowhere is refused`(name: String) {
        #expect(throws: DNSFailure.question) { try Self.named(name) }
    }

    @Test func `a name has its bounds`() throws {
        let label = "3f" + String(repeating: "61", count: 63)
        let longest = label + label + label + "3d" + String(repeating: "61", count: 61) + "00"
        #expect(try Self.named(longest).questions.first?.name.wire.count == 255)
        let tooLong = label + label + label + "3e" + String(repeating: "61", count: 62) + "00"
        #expect(throws: DNSFailure.question) { try Self.named(tooLong) }
        let text = String(repeating: "a.", count: 127)
        #expect(DNSName(text)?.wire.count == 255)
        #expect(DNSName(text + "a") == nil)
        #expect(DNSName(String(repeating: "a", count: 64)) == nil)
        #expect(DNSName("a..b") == nil && DNSName(".a") == nil)
        #expect(DNSName("") == .root && DNSName(".") == .root)
    }

    @Test func `pointers to pointers end after so many`() throws {
        // Each record's name points to that of the record before; the first to the question's.
        let count = 200
        var records = ""
        var target = 12
        var offset = 12 + 3 + 4
        for _ in 0..<count {
            records += DNSBytes.hex([0xc0 | UInt8(target >> 8), UInt8(target & 0xff)]) + "00010001000000000000"
            target = offset
            offset += 12
        }
        let head = "123481800001" + DNSBytes.hex([0, UInt8(count)]) + "00000000" + "016100" + "00010001"
        #expect(throws: DNSFailure.record) { try DNSMessage(DNSBytes.bytes(head + records)) }
        let few = head.replacing("0001" + DNSBytes.hex([0, UInt8(count)]), with: "00010064")
        let message = try DNSMessage(DNSBytes.bytes(few + records.prefix(100 * 24)))
        #expect(message.records.last?.name.hostname == "a")
    }

    @Test func `counts beyond what is there and bytes beyond the end are refused`() {
        #expect(throws: DNSFailure.record) {
            try DNSMessage(DNSBytes.bytes("1234818000000001ffff0000" + "0000010001000000000000"))
        }
        #expect(throws: DNSFailure.question) { try DNSMessage(DNSBytes.bytes("12340100ffff000000000000")) }
        #expect(throws: DNSFailure.length) { try DNSMessage(DNSBytes.bytes(DNSBytes.question + "00")) }
        #expect(throws: DNSFailure.length) { try DNSMessage([UInt8](repeating: 0, count: 65_536)) }
        #expect(throws: DNSFailure.header) { try DNSMessage([1, 2, 3]) }
    }

    @Test(arguments: [
        ("0161022e5c00", "a.\\.\\\\.", nil), ("03412d5f00", "A-_.", "a-_"), ("0120016100", "\\032.a.", nil),
        ("012a016100", "*.a.", "*.a"), ("02c3a900", "\\195\\169.", nil), ("00", ".", nil),
    ])
    func `names are told in text and only those of hosts are looked up`(hex: String, text: String, host: String?) throws
    {
        let name = try #require(try Self.named(hex).questions.first?.name)
        #expect(name.description == text)
        #expect(name.hostname == host)
    }

    @Test func `no mutation of a message breaks a property of the codec`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Draw(seed)
        var seeds = [DNSBytes.question, DNSBytes.alias, DNSBytes.question("00002904d0000080000000")].map(DNSBytes.bytes)
        let query = try #require(DNSBytes.query(DNSBytes.question("00002904d0000080000000"), over: .tcp))
        let addresses = (0..<60).map { IPAddress(v4: UInt32($0)) }
        seeds.append(query.response(addresses, alias: DNSName("x.y"), timeToLive: 30))
        for seed in seeds { #expect(DNSProperties.broken(by: seed).isEmpty) }
        for round in 0..<4000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...random.next(upperBound: 4 as UInt64) where !bytes.isEmpty {
                // The head and the first name decide most.
                let reach = Bool.random(using: &random) ? min(64, bytes.count) : bytes.count
                let index = Int(random.next(upperBound: UInt64(reach)))
                switch random.next(upperBound: 4 as UInt64) {
                case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
                case 1: bytes[index] ^= 1 << UInt8(random.next(upperBound: 8 as UInt64))
                case 2: bytes.remove(at: index)
                default:
                    bytes.insert([0, 0xc0, 0x3f, 0xff, 0x0c][Int(random.next(upperBound: 5 as UInt64))], at: index)
                }
            }
            let broken = DNSProperties.broken(by: bytes)
            #expect(broken.isEmpty, "\(broken) by \(DNSBytes.hex(bytes)), seed \(seed)")
        }
    }
}
