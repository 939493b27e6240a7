import Primitives
import Schema
import Testing

/// A policy that is read flat is the one that its declaration reads.
@Suite struct FlatAuthorizationTests {
    private static func text(_ random: inout Draw) -> String {
        ["", "a", "cluster.local/ns/shop/sa/web", "\u{e9}"].randomElement(using: &random) ?? ""
    }

    private static func string(_ random: inout Draw) -> Authorization.StringMatch {
        let text = text(&random)
        let kinds: [Authorization.StringMatch.Kind?] = [.exact(text), .prefix(text), .suffix(text), .presence, nil]
        var match = Authorization.StringMatch()
        match.kind = kinds.randomElement(using: &random) ?? nil
        return match
    }

    private static func range(_ random: inout Draw) -> Authorization.Range {
        var range = Authorization.Range()
        range.address = Array(repeating: 10, count: [0, 4, 16].randomElement(using: &random) ?? 0)
        range.length = UInt32.random(in: 0...200, using: &random)
        return range
    }

    private static func account(_ random: inout Draw) -> Authorization.ServiceAccountMatch {
        var account = Authorization.ServiceAccountMatch()
        account.namespace = text(&random)
        account.serviceAccount = text(&random)
        return account
    }

    private static func some<Value>(_ random: inout Draw, _ make: (inout Draw) -> Value) -> [Value] {
        let count = [0, 0, 0, 1, 2].randomElement(using: &random) ?? 0
        var values: [Value] = []
        for _ in 0..<count { values.append(make(&random)) }
        return values
    }

    private static func match(_ random: inout Draw) -> Authorization.Match {
        var match = Authorization.Match()
        match.namespaces = some(&random, string)
        match.notNamespaces = some(&random, string)
        match.principals = some(&random, string)
        match.notPrincipals = some(&random, string)
        match.sourceIPs = some(&random, range)
        match.notSourceIPs = some(&random, range)
        match.destinationIPs = some(&random, range)
        match.notDestinationIPs = some(&random, range)
        match.destinationPorts = some(&random) { UInt32.random(in: 0...70_000, using: &$0) }
        match.notDestinationPorts = some(&random) { UInt32.random(in: 0...70_000, using: &$0) }
        match.serviceAccounts = some(&random, account)
        match.notServiceAccounts = some(&random, account)
        match.extensions = some(&random) { extended(&$0) }
        return match
    }

    private static func extended(_ random: inout Draw) -> Extension {
        var value = Extension()
        value.name = text(&random)
        value.config = Bool.random(using: &random) ? AnyMessage() : nil
        return value
    }

    private static func policy(_ random: inout Draw) -> Authorization {
        var policy = Authorization()
        policy.name = text(&random)
        policy.namespace = text(&random)
        policy.scope = Authorization.Scope(rawValue: Int32.random(in: 0...3, using: &random))
        policy.action = Authorization.Action(rawValue: Int32.random(in: -1...1, using: &random))
        policy.dryRun = Bool.random(using: &random)
        policy.extensions = some(&random) { extended(&$0) }
        policy.groups = some(&random) { random in
            var group = Authorization.Group()
            group.rules = some(&random) { random in
                var rules = Authorization.Rules()
                rules.matches = some(&random, match)
                return rules
            }
            return group
        }
        return policy
    }

    @Test func `bytes that are a policy or nearly one are read as its declaration reads them`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Draw(seed)
        for _ in 0..<2000 {
            var bytes = Self.policy(&random).protobuf()
            for _ in 0..<4 {
                let declared = Result { try Authorization(protobuf: bytes) }
                let flat = Result { try FlatAuthorization(protobuf: bytes) }
                switch (declared, flat) {
                case (.success(let declared), .success(let flat)):
                    #expect(Authorization(flat) == declared.withoutExtensions, "seed \(seed)")
                    #expect(flat.groupCount == declared.groups.count, "seed \(seed)")
                case (.failure(let declared), .failure(let flat)):
                    #expect(declared as? ProtobufError == flat as? ProtobufError, "seed \(seed)")
                default: Issue.record("\(declared) and \(flat), seed \(seed)")
                }
                guard !bytes.isEmpty else { break }
                let index = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes += bytes[index...]
                }
            }
        }
    }
}

extension Authorization {
    fileprivate init(_ flat: FlatAuthorization) {
        self.init()
        (name, namespace, scope, action, dryRun) = (flat.name, flat.namespace, flat.scope, flat.action, flat.dryRun)
        for part in flat.parts {
            let group = groups.count - 1
            switch part {
            case .group: groups.append(Group())
            case .rules: groups[group].rules.append(Rules())
            case .match: groups[group].rules[groups[group].rules.count - 1].matches.append(Match())
            case .value(let value, let isNegated):
                let rules = groups[group].rules.count - 1
                let match = groups[group].rules[rules].matches.count - 1
                groups[group].rules[rules].matches[match].add(value, isNegated)
            }
        }
    }

    fileprivate var withoutExtensions: Authorization {
        var copy = self
        copy.extensions = []
        for group in copy.groups.indices {
            for rules in copy.groups[group].rules.indices {
                for match in copy.groups[group].rules[rules].matches.indices {
                    copy.groups[group].rules[rules].matches[match].extensions = []
                }
            }
        }
        return copy
    }
}

extension Authorization.Match {
    fileprivate mutating func add(_ value: FlatAuthorization.Value, _ isNegated: Bool) {
        switch value {
        case .namespace(let kind): add(Self.string(kind), to: isNegated ? \.notNamespaces : \.namespaces)
        case .principal(let kind): add(Self.string(kind), to: isNegated ? \.notPrincipals : \.principals)
        case .sourceIP(let address, let length):
            add(Self.range(address, length), to: isNegated ? \.notSourceIPs : \.sourceIPs)
        case .destinationIP(let address, let length):
            add(Self.range(address, length), to: isNegated ? \.notDestinationIPs : \.destinationIPs)
        case .destinationPort(let port): add(port, to: isNegated ? \.notDestinationPorts : \.destinationPorts)
        case .serviceAccount(let namespace, let serviceAccount):
            var account = Authorization.ServiceAccountMatch()
            (account.namespace, account.serviceAccount) = (namespace, serviceAccount)
            add(account, to: isNegated ? \.notServiceAccounts : \.serviceAccounts)
        }
    }

    private mutating func add<Value>(_ value: Value, to list: WritableKeyPath<Self, [Value]>) {
        self[keyPath: list].append(value)
    }

    private static func string(_ kind: Authorization.StringMatch.Kind?) -> Authorization.StringMatch {
        var match = Authorization.StringMatch()
        match.kind = kind
        return match
    }

    private static func range(_ address: ArraySlice<UInt8>, _ length: UInt32) -> Authorization.Range {
        var range = Authorization.Range()
        (range.address, range.length) = (Array(address), length)
        return range
    }
}
