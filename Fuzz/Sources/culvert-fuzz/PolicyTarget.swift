import Identity
import Policy
import Primitives

extension FuzzTarget {
    /// The index of policies decides as reading out all of them does, through every change.
    static let policy = FuzzTarget("policy") { bytes in
        var choices = Choices(bytes)
        var set = PolicySet()
        var model: [String: AuthorizationPolicy] = [:]
        var remaining = 24
        while !choices.isExhausted, remaining > 0 {
            remaining -= 1
            let policy = choices.policy()
            let before = set
            let compiledBefore = before.compiled(namespace: "shop", references: [])
            if choices.oneIn(4) {
                check(set.remove(key: policy.key) == (model.removeValue(forKey: policy.key) != nil), "removal")
            } else {
                set.insert(policy)
                model[policy.key] = policy
            }
            check(set.count == model.count && set[policy.key] === model[policy.key], "what is known")
            let references = choices.some(["shop/p0", "vault/p1", "shop/p9"])
            let compiled = set.compiled(namespace: "shop", references: references)
            for _ in 0..<2 {
                let context = choices.connection()
                let expected = { NaiveDecision(Array(model.values), references, isDryRun: $0, context).isAllowed }
                let decision = compiled.decide(context)
                check(decision.isAllowed == expected(false), "\(decision) of \(context)")
                check((decision.dryRun?.isAllowed ?? true) == expected(true), "dry run \(decision) of \(context)")
                check(compiled.isEmpty || !decision.reason.description.isEmpty, "every decision has a reason")
                // A copy taken before the change decides as it did.
                let old = compiledBefore.decide(context)
                check(before.compiled(namespace: "shop", references: []).decide(context) == old, "an old version stays")
            }
            check(compiled.isIdentical(to: set.compiled(namespace: "shop", references: references)), "identity")
        }
        for key in model.keys.sorted() { check(set.remove(key: key), "what is known can be removed") }
        check(set.compiled(namespace: "shop", references: []).isEmpty && set.count == 0, "removal leaves nothing")
    }
}

/// The rules of the contract read out one after the other.
private struct NaiveDecision {
    let isAllowed: Bool

    init(_ policies: [AuthorizationPolicy], _ references: [String], isDryRun: Bool, _ context: PolicyContext) {
        let isRelevant = { (policy: AuthorizationPolicy) in
            switch policy.scope {
            case .global: true
            // One of no namespace is as good as global, for ztunnel too.
            case .namespace: ["shop", ""].contains(policy.namespace) || references.contains(policy.key)
            case .workloadSelector: references.contains(policy.key)
            }
        }
        let relevant = policies.filter { $0.isDryRun == isDryRun && isRelevant($0) }
        let known = Set(policies.map(\.key))
        if relevant.contains(where: { $0.action == .deny && Self.hits($0, context) }) {
            isAllowed = false
        } else if !isDryRun, references.contains(where: { !known.contains($0) }) {
            isAllowed = false
        } else {
            let allows = relevant.filter { $0.action == .allow }
            isAllowed = allows.isEmpty || allows.contains { Self.hits($0, context) }
        }
    }

    private static func hits(_ policy: AuthorizationPolicy, _ context: PolicyContext) -> Bool {
        (0..<policy.rules.count).map(policy.rules.rule).contains { rule in
            guard rule.flaw == nil else { return policy.action == .deny }
            return rule.clauses.allSatisfy { clause in clause.isEmpty || clause.contains { matches($0, context) } }
        }
    }

    private static func matches(_ match: PolicyMatch, _ context: PolicyContext) -> Bool {
        let principal = context.identity.map { "\($0.trustDomain)/ns/\($0.namespace)/sa/\($0.serviceAccount)" }
        let checks: [(isAsked: Bool, holds: Bool)] = [
            condition(match.namespaces) { fits($0, context.identity?.namespace ?? "") },
            condition(match.principals) { pattern in principal.map { fits(pattern, $0) } ?? false },
            condition(match.serviceAccounts) {
                $0.namespace == context.identity?.namespace && $0.serviceAccount == context.identity?.serviceAccount
            },
            condition(match.sources) { covers($0, context.source) },
            condition(match.destinations) { covers($0, context.destination.address) },
            condition(match.destinationPorts) { $0 == context.destination.port },
        ]
        return checks.contains { $0.isAsked } && checks.allSatisfy { $0.holds }
    }

    private static func condition<Element>(
        _ condition: PolicyMatch.Condition<Element>, _ isHit: (Element) -> Bool
    ) -> (isAsked: Bool, holds: Bool) {
        let isAsked = !condition.anyOf.isEmpty || !condition.noneOf.isEmpty
        let isAny = condition.anyOf.isEmpty || condition.anyOf.contains(where: isHit)
        return (isAsked, isAny && !condition.noneOf.contains(where: isHit))
    }

    private static func fits(_ pattern: StringMatch, _ text: String) -> Bool {
        switch pattern {
        case .exact(let value): value == text
        case .prefix(let value): text.hasPrefix(value)
        case .suffix(let value): text.hasSuffix(value)
        case .presence: text != ""
        }
    }

    /// Bit by bit.
    private static func covers(_ prefix: IPPrefix, _ address: IPAddress) -> Bool {
        let (a, b) = (prefix.address.bytes, address.bytes)
        guard a.count == b.count else { return false }
        return (0..<Int(prefix.length)).allSatisfy { (a[$0 / 8] ^ b[$0 / 8]) << UInt8($0 % 8) & 0x80 == 0 }
    }
}

extension Choices {
    private static let prefixes = ["10.0.0.0/8", "10.1.2.3/16", "10.0.0.1", "::/0", "fd00::1/120", "0.0.0.0/0"]
        .compactMap { IPPrefix($0) }
    private static let accounts = [
        ServiceAccountName(namespace: "a", serviceAccount: "x"),
        ServiceAccountName(namespace: "b", serviceAccount: "y"),
    ]

    fileprivate mutating func condition<Element>(_ elements: [Element]) -> PolicyMatch.Condition<Element> {
        PolicyMatch.Condition(anyOf: some(elements), noneOf: oneIn(4) ? some(elements) : [])
    }

    private mutating func match() -> PolicyMatch {
        var match = PolicyMatch()
        let isAsked = byte()
        let names: [StringMatch] = [.exact("a"), .exact("b"), .exact(""), .prefix("a"), .suffix("b"), .presence]
        let principals: [StringMatch] = [
            .exact("td/ns/a/sa/x"), .exact("td/ns/b/sa/y"), .prefix("td/ns/a"), .suffix("/x"), .presence,
        ]
        if isAsked & 1 != 0 { match.namespaces = condition(names) }
        if isAsked & 2 != 0 { match.principals = condition(principals) }
        if isAsked & 4 != 0 { match.serviceAccounts = condition(Self.accounts) }
        if isAsked & 8 != 0 { match.sources = condition(Self.prefixes) }
        if isAsked & 16 != 0 { match.destinations = condition(Self.prefixes) }
        if isAsked & 32 != 0 { match.destinationPorts = condition([80, 443, 8080]) }
        return match
    }

    /// A policy of few names, so that one takes another's place.
    mutating func policy() -> AuthorizationPolicy {
        let name = "p\(below(4))"
        let namespace = pick(["shop", "vault", ""])
        let scope = pick([AuthorizationPolicy.Scope.global, .namespace, .workloadSelector])
        let action = pick([AuthorizationPolicy.Action.allow, .deny])
        let isDryRun = oneIn(4)
        let rules = (0..<below(3)).map { _ in
            let clauses = (0..<below(3)).map { _ in (0..<below(3)).map { _ in match() } }
            return PolicyRule(clauses: clauses, flaw: oneIn(16) ? "flaw" : nil)
        }
        return AuthorizationPolicy(
            name: name, namespace: namespace, scope: scope, action: action, isDryRun: isDryRun, rules: rules)
    }

    /// A connection that some of these policies are about.
    mutating func connection() -> PolicyContext {
        let sources = ["10.0.0.1", "10.1.9.9", "192.0.2.1", "fd00::7", "fd01::1"].compactMap { IPAddress($0) }
        let destinations = ["10.0.0.1:80", "10.1.0.1:443", "[fd00::9]:8080", "192.0.2.9:1"].compactMap { Endpoint($0) }
        let identity = SPIFFEID(
            trustDomain: "td", namespace: pick(["a", "b", "ab"]), serviceAccount: pick(["x", "y"]))
        return PolicyContext(
            source: pick(sources), identity: oneIn(4) ? nil : identity, destination: pick(destinations))
    }
}
