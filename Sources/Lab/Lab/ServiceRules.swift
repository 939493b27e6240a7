import Primitives

/// The rules of a node that make service addresses lead to pods, as kube-proxy's do, for one family.
struct ServiceRules {
    let routes: [LabTopology.Route]
    /// The addresses of the pods on this node.
    let localAddresses: [IPAddress]

    private static let chain = "LAB_SERVICES"

    /// For iptables-restore; empty without services.
    var text: String {
        guard !routes.isEmpty else { return "" }
        let translations = routes.flatMap { route in
            route.backends.enumerated().map { position, backend in
                // Each of the n that are left is as likely as the others.
                let left = route.backends.count - position
                let chance = left > 1 ? " -m statistic --mode random --probability \(Self.reciprocal(left))" : ""
                return """
                    -A \(Self.chain) -d \(route.address.address) -p tcp --dport \(route.address.port)\(chance) \
                    -j DNAT --to-destination \(backend)

                    """
            }
        }
        // A pod that reaches itself by its service's address must not answer itself directly.
        let hairpins = localAddresses.map { "-A POSTROUTING -s \($0) -d \($0) -j MASQUERADE\n" }
        return """
            *nat
            -N \(Self.chain)
            -A PREROUTING -j \(Self.chain)
            -A OUTPUT -j \(Self.chain)
            \(translations.joined())\(hairpins.joined())COMMIT

            """
    }

    /// `1/count` with ten digits, as iptables reads it.
    private static func reciprocal(_ count: Int) -> String {
        let digits = String(10_000_000_000 / count)
        return count == 1 ? "1" : "0." + String(repeating: "0", count: 10 - digits.count) + digits
    }
}
