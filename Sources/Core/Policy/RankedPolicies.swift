/// The policies of one rank in the order of their keys: nearly always one.
struct RankedPolicies: Sendable {
    private(set) var first: AuthorizationPolicy
    private var others: [AuthorizationPolicy] = []

    init(_ policy: AuthorizationPolicy) { first = policy }

    var isSingle: Bool { others.isEmpty }
    var all: [AuthorizationPolicy] { [first] + others }

    subscript(key: String) -> AuthorizationPolicy? {
        first.key == key ? first : others.first { $0.key == key }
    }

    /// Adds the policy, or puts it in the place of the one with its key.
    mutating func insert(_ policy: AuthorizationPolicy) {
        if isSingle, first.key == policy.key {
            first = policy
        } else {
            set(all.filter { $0.key != policy.key } + [policy])
        }
    }

    /// The policies without the one with this key; nil when none are left.
    func removing(key: String) -> RankedPolicies? {
        var rest = self
        return rest.set(all.filter { $0.key != key }) ? rest : nil
    }

    @discardableResult private mutating func set(_ policies: [AuthorizationPolicy]) -> Bool {
        let sorted = policies.sorted { $0.key < $1.key }
        guard let first = sorted.first else { return false }
        self.first = first
        others = Array(sorted.dropFirst())
        return true
    }
}
