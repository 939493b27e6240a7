import Primitives
import Wire

extension FuzzTarget {
    /// Messages of applications and of name servers: what is read stays in bounds, what answers fits the one who asked
    /// and is read back.
    static let dnsExchange = FuzzTarget("dns-exchange") { bytes in
        var choices = Choices(bytes)
        let transport: DNSQuery.Transport = choices.oneIn(2) ? .tcp : .udp
        let query = choices.take(choices.below(128))
        let answer = choices.rest()
        inspect(query)
        inspect(answer)
        switch DNSQuery.receive(query, over: transport) {
        case .ignored: break
        case .answer(let refusal): checkAnswer(refusal, to: query, atMost: Limits.dnsDatagramByteCountMin)
        case .query(let received):
            checkAnswer(received.response(.refused), to: query, atMost: received.responseByteCountMax)
            let addresses = (0..<200).map { IPAddress(v4: UInt32($0)) } + [IPAddress(v6High: 1, low: 1)]
            let alias = DNSName("x.example")
            let full = received.response(addresses, alias: alias, timeToLive: 5)
            checkAnswer(full, to: query, atMost: received.responseByteCountMax)
            let forwarded = received.forwarded(id: 7)
            check((try? DNSMessage(forwarded))?.questions == [received.question], "a question is passed on as it is")
            guard let other = try? DNSMessage(answer), other.isAnswer(to: received.question, id: other.header.id) else {
                break
            }
            checkAnswer(received.response(forwarding: other), to: query, atMost: received.responseByteCountMax)
        }
    }

    private static func inspect(_ bytes: [UInt8]) {
        guard let message = try? DNSMessage(bytes) else { return }
        for record in message.records {
            check(record.range.upperBound <= bytes.count && record.data.upperBound <= record.range.upperBound, "bounds")
            check(record.name.wire.count <= Limits.dnsNameByteCountMax, "names are bounded")
        }
        for question in message.questions {
            check(question.name.wire.count <= Limits.dnsNameByteCountMax, "names are bounded")
            check(question.name.labels.allSatisfy { (1...63).contains($0.count) }, "labels are bounded")
            if let hostname = question.name.hostname {
                check(DNSName(hostname) == question.name, "a name is read as it was written")
            }
            if let lookup = message.lookup(question) {
                check(lookup.addresses.count <= message.records.count, "each address has its record")
            }
        }
    }

    private static func checkAnswer(_ answer: [UInt8], to query: [UInt8], atMost byteCountMax: Int) {
        check(answer.count <= byteCountMax, "an answer fits: \(answer.count) of \(byteCountMax)")
        guard let message = try? DNSMessage(answer) else { return check(false, "an answer is a message: \(answer)") }
        check(message.header.isResponse, "an answer is no question")
        check(answer.starts(with: query.prefix(2)), "an answer has the id of what it answers")
        if message.header.code == .noError { check(message.header.opcode == 0, "only queries are answered") }
    }
}
