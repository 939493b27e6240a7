import Identity
@testable import Policy
import Primitives
import Testing

/// The index must decide as a scan of all policies would, and give the same reason.
@Suite struct IndexTests {
    private struct Generator {
        var random: Draw

        mutating func pick<Element>(_ elements: [Element]) -> Element {
            elements[Int(random.next(upperBound: UInt64(elements.count)))]
        }

        mutating func some<Element>(_ elements: [Element]) -> [Element] {
            (0..<[0, 0, 0, 1, 1, 2][Int(random.next(upperBound: 6 as UInt64))]).map { _ in pick(elements) }
        }

        mutating func condition<Element>(_ elements: [Element]) -> PolicyMatch.Condition<Element> {
            PolicyMatch.Condition(
                anyOf: some(elements), noneOf: random.next(upperBound: 4 as UInt64) == 0 ? some(elements) : [])
        }

        mutating func match() -> PolicyMatch {
            var match = PolicyMatch()
            let prefixes = ["10.0.0.0/8", "10.1.2.3/16", "10.0.0.1", "::/0", "fd00::1/120", "0.0.0.0/0"]
            match.namespaces = condition([.exact("a"), .exact("b"), .exact(""), .prefix("a"), .suffix("b"), .presence])
            match.principals = condition([
                .exact("td/ns/a/sa/x"), .exact("td/ns/b/sa/y"), .prefix("td/ns/a"), .suffix("/x"), .presence,
            ])
            match.serviceAccounts = condition([
                ServiceAccountName(namespace: "a", serviceAccount: "x"),
                ServiceAccountName(namespace: "b", serviceAccount: "y"),
            ])
            match.sources = condition(prefixes.compactMap { IPPrefix($0) })
            match.destinations = condition(prefixes.compactMap { IPPrefix($0) })
            match.destinationPorts = condition([80, 443, 8080])
            return match
        }

        mutating func policy(_ name: String) -> AuthorizationPolicy {
            let rules = (0..<random.next(upperBound: 3 as UInt64)).map { _ in
                let clauses = (0..<random.next(upperBound: 3 as UInt64)).map { _ in
                    (0..<random.next(upperBound: 3 as UInt64)).map { _ in match() }
                }
                return PolicyRule(clauses: clauses, flaw: random.next(upperBound: 20 as UInt64) == 0 ? "flaw" : nil)
            }
            let policy = AuthorizationPolicy(
                name: name, namespace: pick(["shop", "vault"]), scope: pick([.global, .namespace, .workloadSelector]),
                action: pick([.allow, .deny, .deny]), isDryRun: random.next(upperBound: 4 as UInt64) == 0, rules: rules)
            #expect(policy.plainRules == rules)
            return policy
        }

        mutating func context() -> PolicyContext {
            let namespace = pick(["a", "b", "ab"])
            let identity = SPIFFEID(trustDomain: "td", namespace: namespace, serviceAccount: pick(["x", "y"]))
            return Connections.context(
                from: pick(["10.0.0.1", "10.1.9.9", "192.0.2.1", "fd00::7", "fd01::1"]),
                account: pick([identity, nil]),
                to: pick(["10.0.0.1:80", "10.1.0.1:443", "[fd00::9]:8080", "192.0.2.9:1"]))
        }
    }

    /// The rules of the contract, read out one after the other.
    private static func scan(
        _ policies: [AuthorizationPolicy], references: [String], isDryRun: Bool, _ context: PolicyContext
    ) -> PolicyDecision.Reason {
        let ordered = policies.sorted { ($0.rank.number, $0.key) < ($1.rank.number, $1.key) }
        let selected = references.compactMap { key in policies.first { $0.key == key } }
        let relevant =
            (ordered.filter { $0.scope == .global }
            + ordered.filter { $0.scope == .namespace && $0.namespace == "shop" } + selected)
            .filter { $0.isDryRun == isDryRun }
        func rule(_ policy: AuthorizationPolicy, _ index: Int) -> PolicyDecision.Rule {
            PolicyDecision.Rule(policy: policy.key, index: index)
        }
        for policy in relevant where policy.action == .deny {
            guard let index = policy.plainFirstMatch(context) else { continue }
            if let flaw = policy.plainRules[index].flaw { return .notUnderstood(rule(policy, index), flaw: flaw) }
            return .denied(by: rule(policy, index))
        }
        if !isDryRun, let unknown = references.first(where: { key in !policies.contains { $0.key == key } }) {
            return .unknownPolicy(unknown)
        }
        let allows = relevant.filter { $0.action == .allow }
        if allows.isEmpty { return .noAllowPolicies }
        for policy in allows {
            if let index = policy.plainFirstMatch(context) { return .allowed(by: rule(policy, index)) }
        }
        for policy in allows {
            guard let index = policy.plainRules.firstIndex(where: { $0.flaw != nil }) else { continue }
            return .notUnderstood(rule(policy, index), flaw: "flaw")
        }
        return .noneAllowed
    }

    /// Two names whose policies share a rank in the namespace `shop`.
    private static func namesOfOneRank() throws -> [String] {
        var names: [PolicyRank: String] = [:]
        for number in 0..<1_000_000 {
            let name = "q\(number)"
            if let other = names.updateValue(name, forKey: PolicyRank(key: "shop/\(name)")) { return [other, name] }
        }
        throw CancellationError()
    }

    @Test func `the index decides as a scan of all policies does through every change`() throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Generator(random: Draw(seed))
        let names = try (0..<5).map { "p\($0)" } + Self.namesOfOneRank()
        for _ in 0..<150 {
            var set = PolicySet()
            var model: [String: AuthorizationPolicy] = [:]
            for _ in 0..<12 {
                let policy = generator.policy(generator.pick(names))
                let before = set
                if generator.random.next(upperBound: 4 as UInt64) == 0 {
                    let wasKnown = model.removeValue(forKey: policy.key) != nil
                    #expect(set.remove(key: policy.key) == wasKnown, "seed \(seed)")
                } else {
                    set.insert(policy)
                    model[policy.key] = policy
                }
                #expect(set.count == model.count && set[policy.key] === model[policy.key], "seed \(seed)")
                let references = generator.some(Array(names.map { "shop/\($0)" }) + ["shop/unknown"])
                let compiled = set.compiled(namespace: "shop", references: references)
                let old = before.compiled(namespace: "shop", references: references)
                // What follows from the policies alone does not depend on how they came.
                let again = model.values.shuffled(using: &generator.random).reduce(into: PolicySet()) { $0.insert($1) }
                for _ in 0..<8 {
                    let context = generator.context()
                    let decision = compiled.decide(context)
                    let expected = { (isDryRun: Bool) in
                        Self.scan(Array(model.values), references: references, isDryRun: isDryRun, context)
                    }
                    #expect(decision.reason == expected(false), "seed \(seed)")
                    #expect(decision.dryRun ?? .noAllowPolicies == expected(true), "seed \(seed)")
                    let renewed = again.compiled(namespace: "shop", references: references)
                    #expect(renewed.decide(context) == decision, "seed \(seed)")
                    #expect(old.decide(context) == Self.decision(before, references, context), "seed \(seed)")
                }
            }
        }
    }

    /// A scan of what a version of the set says it holds.
    private static func decision(
        _ set: PolicySet, _ references: [String], _ context: PolicyContext
    ) -> PolicyDecision {
        let all = Array(set.all)
        let dryRun = scan(all, references: references, isDryRun: true, context)
        return PolicyDecision(
            reason: scan(all, references: references, isDryRun: false, context),
            dryRun: dryRun == .noAllowPolicies ? nil : dryRun)
    }

    /// Ways to write ten thousand policies of which a connection meets few, or many that all say the same.
    enum Shape: CaseIterable {
        /// Ten accounts each, all of their own, on the same port.
        case principals
        /// The same few namespaces for all, each on another port, in a clause of its own.
        case namespacesAndPorts
        /// All allow everything.
        case open

        func rule(_ number: Int, _ index: Int) -> PolicyRule {
            switch self {
            case .principals:
                PolicyTests.rule {
                    $0.principals.anyOf = [.exact("td/ns/n\(number)/sa/s\(index)")]
                    $0.destinationPorts.anyOf = [8080]
                }
            case .namespacesAndPorts:
                PolicyRule(clauses: [
                    [match { $0.namespaces.anyOf = [.exact("namespace"), .exact("other")] }],
                    [match { $0.destinationPorts.anyOf = [UInt16(10_000 + number)] }],
                ])
            case .open: PolicyRule(clauses: [])
            }
        }
    }

    @Test(arguments: Shape.allCases) func `ten thousand policies of ten rules are not scanned`(shape: Shape) {
        var set = PolicySet()
        for number in 0..<10_000 {
            let rules = (0..<10).map { shape.rule(number, $0) }
            set.insert(policy("p\(number)", .allow, scope: .global, shape == .open ? Array(rules.prefix(1)) : rules))
        }
        let compiled = set.compiled(namespace: "shop", references: [])
        let clock = ContinuousClock()
        let span = clock.measure {
            for _ in 0..<1000 { #expect(compiled.decide(Connections.authenticated).isAllowed == (shape == .open)) }
        }
        // Scanning takes milliseconds for each decision; an unoptimised build needs some microseconds for the index.
        #expect(span < .seconds(2))
        switch shape {
        case .principals:
            let known = SPIFFEID(trustDomain: "td", namespace: "n77", serviceAccount: "s3")
            let context = Connections.context(from: "10.0.0.1", account: known, to: "10.0.0.2:8080")
            #expect(compiled.decide(context).reason == .allowed(by: .init(policy: "shop/p77", index: 3)))
        case .namespacesAndPorts:
            let context = Connections.context(from: "10.0.0.1", account: Connections.other, to: "10.0.0.2:10077")
            #expect(compiled.decide(context).reason == .allowed(by: .init(policy: "shop/p77", index: 0)))
        case .open: break
        }
    }
}
