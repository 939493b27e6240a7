public import Primitives

/// The packet filter rules of one address family as a value: what is to hold in a namespace, not how it gets there.
public struct RuleSet: Equatable, Sendable {
    /// One rule at the end of a chain, in the words of iptables.
    public struct Rule: Equatable, Sendable {
        public let chain: String
        public let words: [String]
    }

    /// The chains of ours in one table, and the rules in them and into them, in order.
    public struct Table: Equatable, Sendable {
        public let name: String
        public let chains: [String]
        public let rules: [Rule]
    }

    public let family: IPAddress.Family
    public let tables: [Table]

    /// Makes all of it, in one transaction a table; refused by iptables-restore where a chain of ours is there already.
    public var installation: String {
        tables.map { table in
            let chains = table.chains.map { "-N \($0)\n" }
            let rules = table.rules.map { "-A \($0.chain) \($0.words.joined(separator: " "))\n" }
            return "*\(table.name)\n\(chains.joined())\(rules.joined())COMMIT\n"
        }.joined()
    }

    /// Changes nothing; iptables-restore accepts it only where each of the rules is there.
    public var check: String {
        tables.map { table in
            let rules = table.rules.map { "-C \($0.chain) \($0.words.joined(separator: " "))\n" }
            return "*\(table.name)\n\(rules.joined())COMMIT\n"
        }.joined()
    }

    /// How many rules each chain of ours holds, by table and chain.
    var ruleCounts: [String: [String: Int]] {
        tables.reduce(into: [:]) { result, table in
            var counts = Dictionary(table.chains.map { ($0, 0) }) { first, _ in first }
            for rule in table.rules where counts[rule.chain] != nil { counts[rule.chain, default: 0] += 1 }
            result[table.name] = counts
        }
    }
}
