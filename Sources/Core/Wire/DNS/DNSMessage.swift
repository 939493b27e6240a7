public import Primitives

/// A message taken apart (RFC 1035 section 4), the bytes included: what is passed on is passed on as it came.
public struct DNSMessage: Sendable {
    /// What is asked.
    public struct Question: Hashable, Sendable {
        public var name: DNSName
        public var type: DNSType
        /// 1 is the Internet's.
        public var recordClass: UInt16

        public init(_ name: DNSName, _ type: DNSType, recordClass: UInt16 = 1) {
            self.name = name
            self.type = type
            self.recordClass = recordClass
        }
    }

    /// The part of a message that a record stands in.
    public enum Section: Sendable, CaseIterable {
        case answer
        case authority
        case additional
    }

    /// One record, where it lies.
    public struct Record: Sendable {
        public let section: Section
        public let name: DNSName
        public let type: DNSType
        public let recordClass: UInt16
        /// In seconds, as it was sent.
        public let timeToLive: UInt32
        /// The whole record in the message's bytes.
        public let range: Range<Int>
        /// Its data in the message's bytes; names in it may lead out of it.
        public let data: Range<Int>
    }

    public let bytes: [UInt8]
    public let header: DNSHeader
    public let questions: [Question]
    /// In the order of the message.
    public let records: [Record]
    /// What the OPT record says; nil without one.
    public let edns: DNSExtension?
    /// Where the first record begins.
    public let recordsOffset: Int

    /// Reads a message.
    /// - Parameter recordCountMax: More records than this, or a message longer than
    ///   `Limits.dnsMessageByteCountMax`, are refused before they are looked at.
    public init(_ bytes: [UInt8], recordCountMax: Int = Limits.dnsMessageByteCountMax) throws(DNSFailure) {
        guard bytes.count <= Limits.dnsMessageByteCountMax else { throw .length }
        var reader = DNSReader(bytes)
        guard let id = reader.uint16(), let bits = reader.uint16(), let questionCount = reader.uint16(),
            let answerCount = reader.uint16(), let authorityCount = reader.uint16(),
            let additionalCount = reader.uint16()
        else { throw .header }
        self.bytes = bytes
        header = DNSHeader(id: id, bits: bits)
        // Pointers make a long question out of few bytes, so that their number is what bounds an answer to them.
        guard questionCount <= Limits.dnsQuestionCountMax else { throw .question }
        var questions: [Question] = []
        for _ in 0..<questionCount {
            guard let name = reader.name(), let type = reader.uint16(), let recordClass = reader.uint16() else {
                throw .question
            }
            questions.append(Question(name, DNSType(rawValue: type), recordClass: recordClass))
        }
        self.questions = questions
        recordsOffset = reader.offset
        let counts = [Int(answerCount), Int(authorityCount), Int(additionalCount)]
        guard counts.reduce(0, +) <= recordCountMax else { throw .record }
        var records: [Record] = []
        for (section, count) in zip(Section.allCases, counts) {
            for _ in 0..<count { records.append(try Self.record(&reader, section)) }
        }
        guard reader.isAtEnd else { throw .length }
        self.records = records
        edns = try DNSExtension(in: records)
    }

    private static func record(_ reader: inout DNSReader, _ section: Section) throws(DNSFailure) -> Record {
        let start = reader.offset
        guard let name = reader.name(), let type = reader.uint16(), let recordClass = reader.uint16(),
            let timeToLive = reader.uint32(), let count = reader.uint16(), let data = reader.skip(Int(count))
        else { throw .record }
        return Record(
            section: section, name: name, type: DNSType(rawValue: type), recordClass: recordClass,
            timeToLive: timeToLive, range: start..<reader.offset, data: data)
    }

    /// Whether this is an answer to `question`, asked with `id`: what a forger must guess. A server that refuses what
    /// it could not read may leave the question out.
    public func isAnswer(to question: Question, id: UInt16) -> Bool {
        guard header.isResponse, header.id == id, header.opcode == 0 else { return false }
        if questions.isEmpty { return header.code != .noError && header.code != .noSuchName && records.isEmpty }
        return questions == [question]
    }

    /// The record's data as an address, for types A and AAAA.
    func address(_ record: Record) -> IPAddress? {
        guard record.type == .a && record.data.count == 4 || record.type == .aaaa && record.data.count == 16 else {
            return nil
        }
        return IPAddress(bytes: bytes[record.data])
    }

    /// The name in the record's data, for type CNAME.
    func target(_ record: Record) -> DNSName? {
        guard record.type == .cname else { return nil }
        var reader = DNSReader(bytes)
        guard reader.skip(record.data.lowerBound) != nil, let name = reader.name(),
            reader.offset == record.data.upperBound
        else { return nil }
        return name
    }
}
