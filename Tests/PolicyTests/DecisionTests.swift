import Identity
import Policy
import Primitives
import Testing

@Suite struct DecisionTests {
    private let always = [PolicyRule(clauses: [])]
    private let context = Connections.authenticated

    @Test func `without policies everything is allowed`() {
        let decision = PolicySet().decide(context)
        #expect(decision == PolicyDecision(reason: .noAllowPolicies))
        #expect(decision.isAllowed)
        #expect(PolicySet().compiled(namespace: "shop", references: []).isEmpty)
    }

    @Test func `what denies goes before what allows and is named`() {
        let set = PolicySet(
            policy("open", .allow, always), policy("shut", .deny, [rule { $0.destinationPorts.anyOf = [1] }] + always))
        let decision = set.decide(context)
        #expect(decision.reason == .denied(by: .init(policy: "shop/shut", index: 1)))
        #expect(decision.reason.description == "explicitly denied by: shop/shut")
    }

    @Test func `a denial that does not match leaves everything allowed`() {
        let set = PolicySet(policy("shut", .deny, [rule { $0.destinationPorts.anyOf = [1] }]))
        #expect(set.decide(context).reason == .noAllowPolicies)
    }

    @Test func `where anything allows something must`() {
        let set = PolicySet(policy("ports", .allow, [rule { $0.destinationPorts.anyOf = [9090] }]))
        #expect(set.decide(context).reason.description == "allow policies exist, but none allowed")
        #expect(set.decide(Connections.stranger).reason == .allowed(by: .init(policy: "shop/ports", index: 0)))
        let none = PolicySet(policy("nothing", .allow, []))
        #expect(none.decide(context).reason == .noneAllowed)
    }

    @Test func `a policy applies where its scope says`() {
        var set = PolicySet(
            policy("everywhere", .deny, scope: .global, namespace: "istio-system", always),
            policy("here", .deny, namespace: "vault", always),
            policy("named", .deny, scope: .workloadSelector, namespace: "bank", always))
        #expect(set.decide(context).reason == .denied(by: .init(policy: "istio-system/everywhere", index: 0)))
        set.remove(key: "istio-system/everywhere")
        #expect(set.decide(context).isAllowed)
        #expect(!set.compiled(namespace: "vault", references: []).decide(context).isAllowed)
        #expect(set.compiled(namespace: "bank", references: []).decide(context).isAllowed)
        let reference = set.decide(context, references: ["bank/named"])
        #expect(reference.reason == .denied(by: .init(policy: "bank/named", index: 0)))
    }

    @Test func `a policy that is named but not known refuses`() {
        let set = PolicySet(policy("open", .allow, always))
        let decision = set.decide(context, references: ["shop/missing"])
        #expect(decision.reason == .unknownPolicy("shop/missing"))
        #expect(!decision.isAllowed)
    }

    @Test func `a rule that is not understood denies all in a policy that denies`() {
        let flawed = PolicyRule(clauses: [[match { $0.destinationPorts.anyOf = [1] }]], flaw: "address of 1 byte")
        let decision = PolicySet(policy("shut", .deny, [flawed])).decide(context)
        #expect(decision.reason == .notUnderstood(.init(policy: "shop/shut", index: 0), flaw: "address of 1 byte"))
        #expect(!decision.isAllowed)
    }

    @Test func `a rule that is not understood allows nothing and the other rules still do`() {
        let flawed = PolicyRule(clauses: [], flaw: "empty pattern")
        let set = PolicySet(policy("open", .allow, [flawed, rule { $0.destinationPorts.anyOf = [9090] }]))
        #expect(
            set.decide(context).reason == .notUnderstood(.init(policy: "shop/open", index: 0), flaw: "empty pattern"))
        #expect(set.decide(Connections.stranger).reason == .allowed(by: .init(policy: "shop/open", index: 1)))
    }

    @Test func `policies in dry run are reported and decide nothing`() {
        let shut = policy("shut", .deny, isDryRun: true, always)
        let decision = PolicySet(shut).decide(context)
        #expect(decision.isAllowed)
        #expect(decision.dryRun == .denied(by: .init(policy: "shop/shut", index: 0)))
        let none = policy("open", .allow, isDryRun: true, [])
        #expect(PolicySet(none).decide(context) == PolicyDecision(reason: .noAllowPolicies, dryRun: .noneAllowed))
        let selected = policy("pick", .allow, scope: .workloadSelector, isDryRun: true, always)
        let reference = PolicySet(selected).decide(context, references: ["shop/pick"])
        #expect(reference.isAllowed)
        #expect(reference.dryRun == .allowed(by: .init(policy: "shop/pick", index: 0)))
    }

    @Test func `a compiled set stays as it was while the state moves on`() {
        var set = PolicySet(policy("shut", .deny, always))
        let old = set.compiled(namespace: "shop", references: [])
        set.insert(policy("shut", .deny, []))
        #expect(!old.decide(context).isAllowed)
        #expect(set.decide(context).isAllowed)
        set.remove(key: "shop/shut")
        #expect(set.count == 0)
        let wasKnown = set.remove(key: "shop/shut")
        #expect(!wasKnown)
    }

    @Test func `a set is identical until one of its own policies changes`() {
        var set = PolicySet(
            policy("a", .deny, always), policy("named", .deny, scope: .workloadSelector, always),
            policy("elsewhere", .deny, namespace: "vault", always))
        let old = set.compiled(namespace: "shop", references: ["shop/named"])
        set.insert(policy("elsewhere", .deny, namespace: "vault", []))
        set.insert(policy("unnamed", .deny, scope: .workloadSelector, always))
        #expect(set.compiled(namespace: "shop", references: ["shop/named"]).isIdentical(to: old))
        #expect(!set.compiled(namespace: "shop", references: []).isIdentical(to: old))
        set.insert(policy("named", .deny, scope: .workloadSelector, []))
        let renewed = set.compiled(namespace: "shop", references: ["shop/named"])
        #expect(!renewed.isIdentical(to: old))
        set.insert(policy("b", .allow, always))
        #expect(!set.compiled(namespace: "shop", references: ["shop/named"]).isIdentical(to: renewed))
    }
}
