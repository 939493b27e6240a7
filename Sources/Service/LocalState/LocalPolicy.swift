import Primitives
import Schema
import YAML

extension LocalWords {
    static let policyScopes: KeyValuePairs<String, Authorization.Scope> = [
        "Global": .global, "Namespace": .namespace, "WorkloadSelector": .workloadSelector,
    ]
    static let actions: KeyValuePairs<String, Authorization.Action> = ["Allow": .allow, "Deny": .deny]
}

extension Authorization {
    /// A policy as a local document has it: rules of clauses of matches.
    init(local value: YAMLValue) throws(YAMLError) {
        self.init()
        try value.allowOnly(["name", "namespace", "scope", "action", "dryRun", "rules"])
        name = try value.required("name")
        namespace = try value.required("namespace")
        guard let scope = try value.choice(at: "scope", LocalWords.policyScopes),
            let action = try value.choice(at: "action", LocalWords.actions)
        else { throw YAMLError(line: value.line, reason: "scope or action is missing") }
        (self.scope, self.action) = (scope, action)
        dryRun = try value.bool(at: "dryRun") ?? false
        for rule in try value.elements(at: "rules") {
            var group = Group()
            for clause in try rule.sequence() {
                var rules = Rules()
                for match in try clause.sequence() { rules.matches.append(try Match(local: match)) }
                group.rules.append(rules)
            }
            groups.append(group)
        }
    }
}

extension Authorization.Match {
    private static let keys: Set = [
        "namespaces", "notNamespaces", "principals", "notPrincipals", "sourceIps", "notSourceIps", "destinationIps",
        "notDestinationIps", "destinationPorts", "notDestinationPorts", "serviceAccounts", "notServiceAccounts",
    ]

    fileprivate init(local value: YAMLValue) throws(YAMLError) {
        self.init()
        try value.allowOnly(Self.keys)
        namespaces = try Self.texts(value, "namespaces")
        notNamespaces = try Self.texts(value, "notNamespaces")
        principals = try Self.texts(value, "principals")
        notPrincipals = try Self.texts(value, "notPrincipals")
        sourceIPs = try Self.ranges(value, "sourceIps")
        notSourceIPs = try Self.ranges(value, "notSourceIps")
        destinationIPs = try Self.ranges(value, "destinationIps")
        notDestinationIPs = try Self.ranges(value, "notDestinationIps")
        destinationPorts = try Self.ports(value, "destinationPorts")
        notDestinationPorts = try Self.ports(value, "notDestinationPorts")
        serviceAccounts = try Self.accounts(value, "serviceAccounts")
        notServiceAccounts = try Self.accounts(value, "notServiceAccounts")
    }

    private static func ranges(_ value: YAMLValue, _ key: String) throws(YAMLError) -> [Authorization.Range] {
        var ranges: [Authorization.Range] = []
        for element in try value.elements(at: key) {
            let prefix = try IPPrefix.parsed(try element.string(), line: element.line)
            var range = Authorization.Range()
            range.address = prefix.address.bytes
            range.length = UInt32(prefix.length)
            ranges.append(range)
        }
        return ranges
    }

    private static func ports(_ value: YAMLValue, _ key: String) throws(YAMLError) -> [UInt32] {
        var ports: [UInt32] = []
        for element in try value.elements(at: key) { ports.append(UInt32(try element.integer(in: 0...65_535))) }
        return ports
    }

    private static func accounts(
        _ value: YAMLValue, _ key: String
    ) throws(YAMLError) -> [Authorization.ServiceAccountMatch] {
        var accounts: [Authorization.ServiceAccountMatch] = []
        for element in try value.elements(at: key) {
            try element.allowOnly(["namespace", "serviceAccount"])
            var account = Authorization.ServiceAccountMatch()
            account.namespace = try element.required("namespace")
            account.serviceAccount = try element.required("serviceAccount")
            accounts.append(account)
        }
        return accounts
    }

    private static func texts(_ value: YAMLValue, _ key: String) throws(YAMLError) -> [Authorization.StringMatch] {
        var matches: [Authorization.StringMatch] = []
        for element in try value.elements(at: key) { matches.append(try text(element)) }
        return matches
    }

    /// `!Exact x`, or a mapping `{Exact: x}`; so for Prefix, Suffix, and Presence with an empty list.
    private static func text(_ value: YAMLValue) throws(YAMLError) -> Authorization.StringMatch {
        if let tag = value.tag, tag.hasPrefix("!") { return try text(String(tag.dropFirst()), value) }
        guard case .mapping(let entries) = value.content, entries.count == 1 else {
            throw YAMLError(line: value.line, reason: "expected !Exact, !Prefix, !Suffix or !Presence")
        }
        return try text(entries[0].key, entries[0].value)
    }

    private static func text(_ kind: String, _ value: YAMLValue) throws(YAMLError) -> Authorization.StringMatch {
        if kind == "Presence" {
            guard value.isNull || value.content == .sequence([]) else {
                throw YAMLError(line: value.line, reason: "expected an empty list")
            }
            return Authorization.StringMatch(.presence)
        }
        guard case .scalar(let scalar) = value.content else {
            throw YAMLError(line: value.line, reason: "expected text")
        }
        switch kind {
        case "Exact": return Authorization.StringMatch(.exact(scalar.text))
        case "Prefix": return Authorization.StringMatch(.prefix(scalar.text))
        case "Suffix": return Authorization.StringMatch(.suffix(scalar.text))
        default: throw YAMLError(line: value.line, reason: "unknown kind of text match \(kind)")
        }
    }
}
