public import Primitives

extension DNSMessage {
    /// What a name stands for, as one answer tells it.
    public struct Lookup: Hashable, Sendable {
        /// None when the name does not exist, or has none of this type.
        public var addresses: [IPAddress]
        /// How long that may be believed, in seconds; nil when the answer does not say.
        public var timeToLive: UInt32?

        public init(addresses: [IPAddress], timeToLive: UInt32?) {
            self.addresses = addresses
            self.timeToLive = timeToLive
        }
    }

    /// The addresses that answer `question`, of type A or AAAA, by way of aliases. Records of other names count for
    /// nothing. Nil when the server failed to answer.
    public func lookup(_ question: Question) -> Lookup? {
        switch header.code {
        case .noError: break
        case .noSuchName: return Lookup(addresses: [], timeToLive: negativeTimeToLive)
        default: return nil
        }
        var name = question.name
        var timeToLive = UInt32.max
        for _ in 0...Limits.dnsAliasCountMax {
            let own = records.filter { $0.section == .answer && $0.name == name }
            let addresses = own.filter { $0.type == question.type }.compactMap { record in
                address(record).map { (address: $0, timeToLive: record.lifetime) }
            }
            if !addresses.isEmpty {
                let least = addresses.reduce(timeToLive) { min($0, $1.timeToLive) }
                return Lookup(addresses: addresses.map(\.address), timeToLive: least)
            }
            guard let alias = own.first(where: { $0.type == .cname }), let target = target(alias) else { break }
            timeToLive = min(timeToLive, alias.lifetime)
            name = target
        }
        return Lookup(addresses: [], timeToLive: negativeTimeToLive)
    }

    /// How long it may be believed that there is nothing (RFC 2308 section 5).
    private var negativeTimeToLive: UInt32? {
        guard let record = records.first(where: { $0.section == .authority && $0.type == .soa }),
            record.data.count >= 20
        else { return nil }
        let minimum = bytes[record.data].suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return min(minimum, record.lifetime)
    }
}

extension DNSMessage.Record {
    /// The seconds that the record may be believed; a number beyond 31 bits means none (RFC 2181 section 8).
    fileprivate var lifetime: UInt32 { timeToLive >> 31 == 0 ? timeToLive : 0 }
}
