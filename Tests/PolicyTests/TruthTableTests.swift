import Identity
import Policy
import Primitives
import Testing

/// The contract's truth table: which of three connections a match takes hold of.
@Suite struct TruthTableTests {
    struct Row: Sendable {
        var name: String
        var rules: [PolicyRule]
        /// Plaintext, authenticated, stranger.
        var expected: [Bool]

        init(_ name: String, _ expected: [Bool], _ change: @escaping (inout PolicyMatch) -> Void) {
            self.init(name, expected, rules: [rule(change)])
        }

        init(_ name: String, _ expected: [Bool], rules: [PolicyRule]) {
            self.name = name
            self.expected = expected
            self.rules = rules
        }
    }

    static let account = ServiceAccountName(namespace: "namespace", serviceAccount: "account")

    static func prefixes(_ text: String) -> [IPPrefix] { [text].compactMap { IPPrefix($0) } }

    static let rows: [Row] = [
        Row("namespace", [false, true, false]) { $0.namespaces.anyOf = [.exact("namespace")] },
        Row("not namespace", [true, false, true]) { $0.namespaces.noneOf = [.exact("namespace")] },
        Row("account", [false, true, false]) { $0.serviceAccounts.anyOf = [account] },
        Row("not account", [true, false, true]) { $0.serviceAccounts.noneOf = [account] },
        Row("principal", [false, true, false]) { $0.principals.anyOf = [.exact("td/ns/namespace/sa/account")] },
        Row("not principal", [true, false, true]) { $0.principals.noneOf = [.exact("td/ns/namespace/sa/account")] },
        Row("source", [true, true, false]) { $0.sources.anyOf = prefixes("127.0.0.1/32") },
        Row("destination", [true, true, false]) { $0.destinations.anyOf = prefixes("127.0.0.2/32") },
        Row("network", [true, true, true]) { $0.destinations.anyOf = prefixes("127.0.0.1/24") },
        Row("port", [true, true, false]) { $0.destinationPorts.anyOf = [8080] },
        Row("no rules", [false, false, false], rules: []),
        Row("rule without clauses", [true, true, true], rules: [PolicyRule(clauses: [])]),
        Row("clause without matches", [true, true, true], rules: [PolicyRule(clauses: [[]])]),
        Row("match without conditions", [false, false, false], rules: [PolicyRule(clauses: [[PolicyMatch()]])]),
        // Beyond the table.
        Row("source network with host bits", [true, true, true]) { $0.sources.anyOf = prefixes("127.0.0.9/24") },
        Row("other family", [false, false, false]) { $0.sources.anyOf = prefixes("::/0") },
        Row("namespace of nobody", [true, false, false]) { $0.namespaces.anyOf = [.exact("")] },
        Row("any identity", [false, true, true]) { $0.principals.anyOf = [.presence] },
        Row("no identity", [true, false, false]) { $0.principals.noneOf = [.presence] },
        Row("principal prefix", [false, true, true]) { $0.principals.anyOf = [.prefix("td/ns/")] },
        Row("principal suffix", [false, true, false]) { $0.principals.anyOf = [.suffix("/account")] },
        Row("no wildcard", [false, false, false]) { $0.namespaces.anyOf = [.exact("*"), .prefix("n*")] },
        Row("trust domain counts in principals", [false, false, false]) {
            $0.principals.anyOf = [.exact("other/ns/namespace/sa/account")]
        },
        Row("one of several", [true, true, true]) { $0.destinationPorts.anyOf = [1, 8080, 9090] },
        Row("both signs", [false, false, true]) {
            $0.destinationPorts.anyOf = [8080, 9090]
            $0.destinationPorts.noneOf = [8080]
        },
        Row("fields together", [true, false, false]) {
            $0.destinationPorts.anyOf = [8080]
            $0.principals.noneOf = [.presence]
        },
        Row(
            "clauses must all hold", [false, true, false],
            rules: [
                PolicyRule(clauses: [
                    [match { $0.destinationPorts.anyOf = [8080] }], [match { $0.principals.anyOf = [.presence] }],
                ])
            ]),
        Row(
            "an empty match beside another counts for nothing", [false, false, true],
            rules: [PolicyRule(clauses: [[PolicyMatch(), match { $0.destinationPorts.anyOf = [9090] }]])]),
        Row(
            "any rule will do", [true, true, true],
            rules: [rule { $0.destinationPorts.anyOf = [9090] }, rule { $0.destinationPorts.anyOf = [8080] }]),
    ]

    @Test(arguments: rows) func `a policy takes hold of the connections of its row`(row: Row) {
        let denies = PolicySet(policy("p", .deny, row.rules))
        let allows = PolicySet(policy("p", .allow, row.rules))
        let connections = [Connections.plaintext, Connections.authenticated, Connections.stranger]
        for (context, expected) in zip(connections, row.expected) {
            #expect((policy("p", .deny, row.rules).firstMatch(context) != nil) == expected, "\(row.name)")
            #expect(denies.decide(context).isAllowed != expected, "\(row.name)")
            #expect(allows.decide(context).isAllowed == expected, "\(row.name)")
        }
    }
}
