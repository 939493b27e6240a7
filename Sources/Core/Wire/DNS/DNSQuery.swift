public import Primitives

/// One question of an application, and the answers to it.
public struct DNSQuery: Sendable {
    /// What carries a message.
    public enum Transport: String, Sendable {
        case udp
        case tcp
    }

    /// What becomes of bytes that a client sent.
    public enum Reception: Sendable {
        case query(DNSQuery)
        /// They are answered at once.
        case answer([UInt8])
        /// They are no question: whoever answers a message that is not one can be made to answer himself.
        case ignored
    }

    public let message: DNSMessage
    public let question: DNSMessage.Question
    public let transport: Transport

    /// Sorts what came from a client. As ztunnel does: what is no question or has no header gets no answer, another
    /// opcode NOTIMP, a question cut short FORMERR, none or several of them SERVFAIL.
    public static func receive(_ bytes: [UInt8], over transport: Transport) -> Reception {
        guard bytes.count >= DNSHeader.byteCount else { return .ignored }
        let header = DNSHeader(
            id: UInt16(bytes[0]) << 8 | UInt16(bytes[1]), bits: UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
        guard !header.isResponse else { return .ignored }
        func refusal(_ code: DNSHeader.Code, _ message: DNSMessage?) -> Reception {
            .answer(DNSWriter(header.response(code), code: code, questions: message?.questions ?? []).finish())
        }
        guard bytes.count <= Limits.dnsQueryByteCountMax,
            let message = try? DNSMessage(bytes, recordCountMax: Limits.dnsQueryRecordCountMax)
        else { return refusal(header.opcode == 0 ? .formatError : .notImplemented, nil) }
        guard header.opcode == 0 else { return refusal(.notImplemented, message) }
        guard message.questions.count == 1, let question = message.questions.first else {
            return refusal(.serverFailure, message)
        }
        let query = DNSQuery(message: message, question: question, transport: transport)
        if let edns = message.edns, edns.version > 0 { return .answer(query.response(.badVersion)) }
        // A transfer's answer is many messages, and nobody here has a zone.
        if question.type == .axfr || question.type == .ixfr { return .answer(query.response(.notImplemented)) }
        return .query(query)
    }

    /// The largest answer that the client takes.
    public var responseByteCountMax: Int {
        switch transport {
        case .tcp: Limits.dnsMessageByteCountMax
        case .udp:
            min(
                max(Int(message.edns?.datagramByteCount ?? 0), Limits.dnsDatagramByteCountMin),
                Limits.dnsDatagramByteCountMax)
        }
    }

    /// An answer without records.
    public func response(_ code: DNSHeader.Code) -> [UInt8] { writer(message.header.response(code), code).finish() }

    /// The answer that `addresses` are those of the name asked for, or of the name that it is an `alias` of.
    public func response(_ addresses: [IPAddress], alias: DNSName?, timeToLive: UInt32) -> [UInt8] {
        var header = message.header.response(.noError)
        header.isAuthoritative = true
        header.offersRecursion = true
        var writer = writer(header, .noError)
        if let alias { _ = writer.append(question.name, aliasOf: alias, timeToLive: timeToLive) }
        for address in addresses {
            guard writer.append(alias ?? question.name, address, timeToLive: timeToLive) else { break }
        }
        return writer.finish()
    }

    /// Another server's answer as the client gets it: with the client's id, and cut where it does not fit.
    public func response(forwarding answer: DNSMessage) -> [UInt8] {
        var bytes = answer.bytes
        if bytes.count > responseByteCountMax { bytes = answer.truncated(to: responseByteCountMax) }
        bytes[0] = UInt8(message.header.id >> 8)
        bytes[1] = UInt8(message.header.id & 0xff)
        return bytes
    }

    /// The question for another server, with an id of its own.
    public func forwarded(id: UInt16) -> [UInt8] {
        [UInt8(id >> 8), UInt8(id & 0xff)] + message.bytes.dropFirst(2)
    }

    private func writer(_ header: DNSHeader, _ code: DNSHeader.Code) -> DNSWriter {
        let edns = message.edns.map { asked in
            DNSExtension(
                datagramByteCount: max(asked.datagramByteCount, UInt16(Limits.dnsDatagramByteCountMin)),
                wantsSignatures: asked.wantsSignatures)
        }
        return DNSWriter(
            header, code: code, questions: [question], edns: edns, byteCountMax: responseByteCountMax)
    }
}

extension DNSMessage {
    /// The message in at most `byteCountMax` bytes: its question, as many whole answers as fit, and its OPT record,
    /// unless that alone is too long. It says that it was cut (TC).
    func truncated(to byteCountMax: Int) -> [UInt8] {
        let options = records.first { record in
            record.type == .opt && record.section == .additional && record.range.count <= byteCountMax - recordsOffset
        }
        let room = byteCountMax - (options?.range.count ?? 0)
        let kept = records.prefix { $0.section == .answer && $0.range.upperBound <= room }
        var cut = Array(bytes[..<(kept.last?.range.upperBound ?? recordsOffset)])
        if let options { cut += bytes[options.range] }
        let counts = [UInt8(kept.count >> 8), UInt8(kept.count & 0xff), 0, 0, 0, options == nil ? 0 : 1]
        cut.replaceSubrange(6..<12, with: counts)
        cut[2] |= 0x02
        return cut
    }
}
