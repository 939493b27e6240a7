import Primitives
import Wire

/// What must hold of the DNS codec whatever bytes it is given. Shared with the fuzz target.
enum DNSProperties {
    /// The properties that these bytes break; none, unless the codec is wrong.
    static func broken(by bytes: [UInt8]) -> [String] {
        var broken: [String] = []
        func check(_ holds: Bool, _ property: String) {
            if !holds { broken.append(property) }
        }
        for transport in [DNSQuery.Transport.udp, .tcp] {
            switch DNSQuery.receive(bytes, over: transport) {
            case .ignored: break
            case .answer(let answer):
                let message = try? DNSMessage(answer)
                check(message?.header.isResponse == true, "what is answered at once is an answer")
                check(
                    message.map { bytes.starts(with: Array(answer[..<2])) && $0.records.count <= 1 } == true, "its id")
            case .query(let query):
                check(query.forwarded(id: 7).dropFirst(2) == bytes[2...], "a question is passed on as it came")
                check((try? DNSMessage(query.response(.serverFailure)))?.questions == [query.question], "echo")
                checkAnswers(query, check)
            }
        }
        guard let message = try? DNSMessage(bytes) else { return broken }
        for question in message.questions {
            let name = question.name
            check(name.wire.count <= Limits.dnsNameByteCountMax && name.wire.last == 0, "a name has its bounds")
            if let host = name.hostname { check(DNSName(host) == name, "a host name is read as it was written") }
            let copy = try? DNSMessage(DNSWriter(message.header, questions: [question]).finish())
            check(copy?.questions == [question], "a question is read as it was written")
            check(copy?.header.flags == message.header.flags & 0xfff0, "flags are read as they were written")
            if let found = message.lookup(question) {
                check(found.addresses.count <= message.records.count, "an address has a record")
            }
        }
        for record in message.records {
            check(
                record.range.upperBound <= bytes.count && record.data.upperBound == record.range.upperBound,
                "a record lies within")
        }
        checkCut(message, check)
        return broken
    }

    private static func checkAnswers(_ query: DNSQuery, _ check: (Bool, String) -> Void) {
        let addresses = (0..<200).map { IPAddress(v4: 0x0a00_0000 + UInt32($0)) }
        let bytes = query.response(addresses, alias: DNSName("a.b"), timeToLive: 30)
        check(bytes.count <= query.responseByteCountMax, "an answer fits")
        guard let answer = try? DNSMessage(bytes) else { return check(false, "an answer is read") }
        check(answer.isAnswer(to: query.question, id: query.message.header.id), "an answer belongs to its question")
        let complete = answer.records.count { $0.section == .answer } == addresses.count + 1
        check(complete != answer.header.isTruncated, "an answer says whether it is whole")
    }

    /// Cuts the message to what the most modest of clients takes.
    private static func checkCut(_ message: DNSMessage, _ check: (Bool, String) -> Void) {
        let question = DNSMessage.Question(.root, .a)
        let bytes = DNSWriter(DNSHeader(id: 0x1234), questions: [question]).finish()
        guard case .query(let query) = DNSQuery.receive(bytes, over: .udp) else { return check(false, "a question") }
        let forwarded = query.response(forwarding: message)
        check(forwarded.starts(with: [0x12, 0x34]), "a client gets its own id")
        guard message.bytes.count > Limits.dnsDatagramByteCountMin else {
            return check(forwarded[2...] == message.bytes[2...], "what fits is passed on as it came")
        }
        guard let cut = try? DNSMessage(forwarded) else { return check(false, "what was cut is read") }
        check(cut.header.isTruncated, "what was cut says so")
        check(cut.questions == message.questions, "what was cut has its question")
        let room = Limits.dnsDatagramByteCountMin - message.recordsOffset
        let hasRoom = message.records.first { $0.type == .opt }.map { $0.range.count <= room } ?? true
        check(cut.edns == (hasRoom ? message.edns : nil), "what was cut has its extension where there is room")
        check(room < 0 || forwarded.count <= Limits.dnsDatagramByteCountMin, "what was cut fits")
        let answers = cut.records.filter { $0.section == .answer }
        check(cut.records.count == answers.count + (cut.edns == nil ? 0 : 1), "only answers are kept")
        check(zip(answers, message.records).allSatisfy { $0.range == $1.range && $0.name == $1.name }, "whole answers")
    }
}
