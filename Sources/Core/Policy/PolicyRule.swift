/// A rule of a policy: all clauses must hold. A rule without clauses always matches.
public struct PolicyRule: Hashable, Sendable {
    /// In each clause any match suffices. A clause without matches holds.
    public var clauses: [[PolicyMatch]]
    /// What in the rule was not understood, in words; nil for a rule that was. Such a rule refuses: it matches all
    /// connections in a policy that denies, and none in one that allows.
    public var flaw: String?

    public init(clauses: [[PolicyMatch]], flaw: String? = nil) {
        self.clauses = clauses
        self.flaw = flaw
    }
}
