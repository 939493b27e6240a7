import Primitives

/// One authorisation policy as the control plane gives it to nodes: rules about who may open connections to a workload.
///
/// An immutable object, so that every version of the state and every index share it.
public final class AuthorizationPolicy: Sendable {
    /// Which workloads a policy applies to.
    public enum Scope: Sendable {
        /// All of the mesh.
        case global
        /// All of the policy's namespace.
        case namespace
        /// Those that name it, and no other.
        case workloadSelector
    }

    /// What a policy does with a connection that matches.
    public enum Action: Sendable {
        case allow
        case deny
    }

    public let name: String
    public let namespace: String
    public let scope: Scope
    public let action: Action
    /// A policy in dry run is evaluated and reported, and decides nothing.
    public let isDryRun: Bool
    /// A connection matches the policy when it matches any of these; a policy without rules matches none.
    public let rules: PolicyRules
    /// The resource's name, `namespace/name`.
    public let key: String
    /// The policy's place among others. Of several that decide alike the first is named, by this and then by key.
    let rank: PolicyRank
    /// Of each rule, in order, the keys by which the connections that may match it are known.
    let connectionKeys: [PolicyKey]

    public init(
        name: String, namespace: String, scope: Scope, action: Action, isDryRun: Bool = false, rules: PolicyRules
    ) {
        self.name = name
        self.namespace = namespace
        self.scope = scope
        self.action = action
        self.isDryRun = isDryRun
        self.rules = rules
        key = namespace + "/" + name
        rank = PolicyRank(key: key)
        var keys: [PolicyKey] = []
        keys.reserveCapacity(rules.count)
        for index in 0..<rules.count {
            if rules.flaw(ofRule: index) == nil {
                PolicyKeyTerm.addKeys(of: rules, at: index, to: &keys)
            } else if action == .deny {
                // It takes hold of every connection.
                keys += PolicyKeyTerm.keys(of: PolicyRule(clauses: []), at: index)
            }
        }
        connectionKeys = keys
    }

    public convenience init(
        name: String, namespace: String, scope: Scope, action: Action, isDryRun: Bool = false, rules: [PolicyRule]
    ) {
        self.init(
            name: name, namespace: namespace, scope: scope, action: action, isDryRun: isDryRun,
            rules: PolicyRules(rules))
    }

    /// Whether a rule was not understood.
    var isFlawed: Bool { rules.isFlawed }

    /// The index of the first rule that takes hold of the connection. A rule that is not understood does so when the
    /// policy denies, and does not when it allows.
    public func firstMatch(_ context: PolicyContext) -> Int? { (0..<rules.count).first { takesHold($0, of: context) } }

    /// The same, looking only at rules that share a key with the connection.
    func firstMatch(_ context: PolicyContext, _ keys: PolicyConnectionKeys) -> Int? {
        var unmatched = -1
        for key in connectionKeys where Int(key.rule) != unmatched && keys.hash(key.kind) == key.hash {
            let index = Int(key.rule)
            if takesHold(index, of: context) { return index }
            unmatched = index
        }
        return nil
    }

    private func takesHold(_ index: Int, of context: PolicyContext) -> Bool {
        rules.flaw(ofRule: index) == nil ? rules.matches(rule: index, context) : action == .deny
    }
}

/// The place of a policy among others, which follows from its key alone, so that every node names the same one. Few
/// policies share one.
struct PolicyRank: Hashable, Comparable, Sendable {
    /// Not above `Self.max`.
    let number: UInt32
    static let max: UInt32 = 1 << 30 - 1

    /// Always the same for a key, unlike what Swift's hasher makes of it (FNV-1a).
    init(key: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        number = UInt32(truncatingIfNeeded: Draw.mixed(hash)) & Self.max
    }

    init(number: UInt32) {
        precondition(number <= Self.max)
        self.number = number
    }

    static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}
