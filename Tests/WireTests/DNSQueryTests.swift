import Primitives
import Testing
import Wire

/// The rows are questions that a real ztunnel was sent, and its answers.
@Suite struct DNSQueryTests {
    private static func answer(_ hex: String) -> String? {
        guard case .answer(let bytes) = DNSQuery.receive(DNSBytes.bytes(hex), over: .udp) else { return nil }
        return DNSBytes.hex(bytes)
    }

    @Test func `an address is the recorded answer with its name pointing to the question`() throws {
        let query = try #require(DNSBytes.query(DNSBytes.question))
        #expect(query.question.name.hostname == "cart.shop.svc.cluster.local")
        let answer = query.response([IPAddress(v4: 0x0a60_000a)], alias: nil, timeToLive: 30)
        #expect(
            DNSBytes.hex(answer) == "123485800001000100000000\(DNSBytes.cart)0000010001"
                + "c00c000100010000001e00040a60000a")
    }

    @Test func `a name found by a search domain is an alias`() throws {
        let hex = "123401000001000000000000\(DNSBytes.cart)0473686f700373766307636c7573746572056c6f63616c0000010001"
        let query = try #require(DNSBytes.query(hex))
        let alias = try #require(DNSName("cart.shop.svc.cluster.local"))
        let answer = query.response([IPAddress(v4: 0x0a60_000a)], alias: alias, timeToLive: 30)
        let message = try DNSMessage(answer)
        #expect(message.records.map(\.type) == [.cname, .a])
        #expect(message.records.map(\.name.hostname) == [query.question.name.hostname, alias.hostname])
        #expect(message.lookup(query.question)?.addresses == [IPAddress(v4: 0x0a60_000a)])
    }

    @Test func `IPv6 has 16 bytes and no address is an empty answer with no error`() throws {
        let query = try #require(
            DNSBytes.query("123401000001000000000000046475616c0473686f700373766307636c7573746572056c6f63616c00001c0001")
        )
        #expect(query.question.type == .aaaa)
        let answer = query.response([try #require(IPAddress("fd00:96::11"))], alias: nil, timeToLive: 30)
        #expect(DNSBytes.hex(answer).hasSuffix("c00c001c00010000001e0010fd000096000000000000000000000011"))
        let empty = query.response([], alias: nil, timeToLive: 30)
        #expect(
            DNSBytes.hex(empty)
                == "123485800001000000000000046475616c0473686f700373766307636c7573746572056c6f63616c00001c0001")
    }

    @Test(arguments: [
        ("0000290064000000000000", "0000290200000000000000"), ("00002904d0000000000000", "00002904d0000000000000"),
        ("00002904d0000080000000", "00002904d0000080000000"),
    ])
    func `an extension is answered with one`(asked: String, told: String) throws {
        let query = try #require(DNSBytes.query(DNSBytes.question(asked)))
        let answer = query.response([IPAddress(v4: 0x0a60_000a)], alias: nil, timeToLive: 30)
        #expect(DNSBytes.hex(answer).hasSuffix("c00c000100010000001e00040a60000a\(told)"))
        #expect(try DNSMessage(answer).edns?.wantsSignatures == (asked.contains("8000")))
    }

    @Test(arguments: [
        // NOTIFY, two questions, none, a question cut short.
        (
            "123420000001000000000000\(DNSBytes.cart)0000010001", "1234a0040001000000000000\(DNSBytes.cart)0000010001"
        ),
        ("123401000000000000000000", "123481020000000000000000"),
        ("123401000001000000000000\(DNSBytes.cart)0000", "123481010000000000000000"),
        // Five questions, records without end, two extensions, one with a name, and more than a question may have.
        ("123401000005000000000000" + String(repeating: "0000010001", count: 5), "123481010000000000000000"),
        ("123401000001000000000001\(DNSBytes.cart)0000010001", "123481010000000000000000"),
        (
            DNSBytes.question("0000290200000000000000").replacing("000000000001", with: "000000000002")
                + "0000290200000000000000", "123481010000000000000000"
        ),
        (DNSBytes.question("0161000029020000000000000000"), "123481010000000000000000"),
        (DNSBytes.question + "00", "123481010000000000000000"),
    ])
    func `what is no question to answer is refused in ztunnel's words`(asked: String, told: String) {
        #expect(Self.answer(asked) == told)
    }

    @Test func `two questions come back with SERVFAIL, the second pointing to the first`() throws {
        let question = "\(DNSBytes.cart)0000010001"
        let told = try #require(Self.answer("123401000002000000000000" + question + question))
        let message = try DNSMessage(DNSBytes.bytes(told))
        #expect(message.header.code == .serverFailure)
        #expect(message.questions.map(\.name.hostname) == Array(repeating: "cart.shop.svc.cluster.local", count: 2))
    }

    @Test func `an unknown version of the extension and transfers are told so`() throws {
        let version = try #require(Self.answer(DNSBytes.question("00002904d0000100000000")))
        #expect(version.hasPrefix("12348100") && version.hasSuffix("00002904d0010000000000"))
        let transfer = try #require(Self.answer(DNSBytes.question.dropLast(8) + "00fc0001"))
        #expect(transfer.hasPrefix("12348104"))
    }

    @Test(arguments: ["", "00", "1234010000010000000000", "123481000001000000000000\(DNSBytes.cart)0000010001"])
    func `bytes without a header and answers are met with silence`(hex: String) {
        guard case .ignored = DNSQuery.receive(DNSBytes.bytes(hex), over: .udp) else {
            Issue.record("\(hex) got an answer")
            return
        }
    }

    @Test(arguments: [(nil, 512), (100, 512), (1232, 1232), (4096, 4096)])
    func `an answer that a datagram cannot hold is cut and says so`(size: UInt16?, most: Int) throws {
        let addresses = (0..<300).map { IPAddress(v4: 0x0a60_0000 + UInt32($0)) }
        let options = size.map { "000029" + DNSBytes.hex([UInt8($0 >> 8), UInt8($0 & 0xff)]) + "000000000000" }
        let hex = options.map { DNSBytes.question($0) } ?? DNSBytes.question
        let query = try #require(DNSBytes.query(hex))
        let cut = query.response(addresses, alias: nil, timeToLive: 30)
        #expect(cut.count <= most && cut.count > most - 16)
        let message = try DNSMessage(cut)
        #expect(message.header.isTruncated && message.lookup(query.question)?.addresses.first == addresses.first)
        let stream = try #require(DNSBytes.query(hex, over: .tcp))
        let whole = try DNSMessage(stream.response(addresses, alias: nil, timeToLive: 30))
        #expect(!whole.header.isTruncated && whole.lookup(query.question)?.addresses == addresses)
        // Another server's answer is cut in the same way.
        let forwarded = try DNSMessage(query.response(forwarding: whole))
        #expect(forwarded.header.isTruncated && forwarded.bytes.count <= most)
        #expect(try DNSMessage(stream.response(forwarding: whole)).bytes == whole.bytes)
    }

    @Test func `an answer whose extension alone is too long comes without it`() throws {
        let options = "000029" + "04d0" + "00000000" + "02bc" + String(repeating: "00", count: 700)
        let question = try #require(DNSBytes.query(DNSBytes.question))
        let answer = try #require(DNSBytes.query(DNSBytes.question(options)))
        let cut = try DNSMessage(question.response(forwarding: answer.message))
        #expect(cut.header.isTruncated && cut.edns == nil && cut.bytes.count <= 512)
        #expect(cut.questions == [question.question])
    }
}
