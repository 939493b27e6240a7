import Identity
import Policy
import Primitives
import Testing

/// The index must decide as a scan of all policies would.
@Suite struct IndexTests {
    private struct Generator {
        var random: SeededGenerator

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
            return AuthorizationPolicy(
                name: name, namespace: pick(["shop", "vault"]), scope: pick([.global, .namespace, .workloadSelector]),
                action: pick([.allow, .deny, .deny]), isDryRun: random.next(upperBound: 4 as UInt64) == 0, rules: rules)
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
    ) -> Bool {
        let relevant = policies.filter {
            $0.isDryRun == isDryRun
                && ($0.scope == .global || $0.scope == .namespace && $0.namespace == "shop"
                    || $0.scope == .workloadSelector && references.contains($0.key))
        }
        if relevant.contains(where: { $0.action == .deny && $0.firstMatch(context) != nil }) { return false }
        let allows = relevant.filter { $0.action == .allow }
        return allows.isEmpty || allows.contains { $0.firstMatch(context) != nil }
    }

    @Test func `the index decides as a scan of all policies does through every change`() {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = Generator(random: SeededGenerator(state: seed))
        for _ in 0..<120 {
            var set = PolicySet()
            var model: [String: AuthorizationPolicy] = [:]
            for _ in 0..<12 {
                let policy = generator.policy("p\(generator.random.next(upperBound: 6 as UInt64))")
                if generator.random.next(upperBound: 4 as UInt64) == 0 {
                    let wasKnown = model.removeValue(forKey: policy.key) != nil
                    #expect(set.remove(key: policy.key) == wasKnown, "seed \(seed)")
                } else {
                    set.insert(policy)
                    model[policy.key] = policy
                }
                let references = model.values.filter { $0.scope == .workloadSelector }.map(\.key).sorted().prefix(1)
                let compiled = set.compiled(namespace: "shop", references: Array(references))
                for _ in 0..<8 {
                    let context = generator.context()
                    let decision = compiled.decide(context)
                    let expected = { (isDryRun: Bool) in
                        Self.scan(
                            Array(model.values), references: Array(references), isDryRun: isDryRun, context)
                    }
                    #expect(decision.isAllowed == expected(false), "seed \(seed)")
                    #expect((decision.dryRun?.isAllowed ?? true) == expected(true), "seed \(seed)")
                }
            }
        }
    }

    @Test func `ten thousand policies of ten rules are not scanned`() {
        var set = PolicySet()
        for number in 0..<10_000 {
            let rules = (0..<10).map { index in
                rule {
                    $0.principals.anyOf = [.exact("td/ns/n\(number)/sa/s\(index)")]
                    $0.destinationPorts.anyOf = [8080]
                }
            }
            set.insert(policy("p\(number)", .deny, scope: .global, rules))
        }
        let compiled = set.compiled(namespace: "shop", references: [])
        let clock = ContinuousClock()
        let span = clock.measure {
            for _ in 0..<1000 { #expect(compiled.decide(Connections.authenticated).isAllowed) }
        }
        // Scanning takes milliseconds for each decision; an unoptimised build needs some microseconds for the index.
        #expect(span < .seconds(1))
        let denied = SPIFFEID(trustDomain: "td", namespace: "n77", serviceAccount: "s3")
        let decision = compiled.decide(Connections.context(from: "10.0.0.1", account: denied, to: "10.0.0.2:8080"))
        #expect(decision.reason == .denied(by: .init(policy: "shop/p77", index: 3)))
    }
}
