import Policy

extension AuthorizationPolicy {
    /// Nobody may call the pods of `shop`.
    static let nobody = AuthorizationPolicy(
        name: "nobody", namespace: "shop", scope: .namespace, action: .deny, rules: [PolicyRule(clauses: [])])

    /// Only the service account `ledger` may call the pods of `shop`.
    static var onlyLedger: AuthorizationPolicy {
        var match = PolicyMatch()
        match.principals.anyOf = [.exact("cluster.local/ns/shop/sa/ledger")]
        return AuthorizationPolicy(
            name: "only-ledger", namespace: "shop", scope: .namespace, action: .allow,
            rules: [PolicyRule(clauses: [[match]])])
    }
}
