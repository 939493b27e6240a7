public import Primitives
public import System

/// Carries rule sets and routing into a pod's network namespace, with the system's own iptables and ip.
public struct PodNetwork: Sendable {
    /// What was found, and so what was done.
    public enum Outcome: String, Sendable {
        /// Nothing was there.
        case installed
        /// All was there already; nothing was done.
        case unchanged
        /// Other rules of the mesh were there.
        case replaced
        /// Other rules of the mesh are there, and were left alone because reconciliation is off.
        case differs
    }

    public let families: [IPAddress.Family]
    public let probeSource: ProbeSource
    /// Whether rules that differ are replaced.
    public let reconciles: Bool

    public init(families: [IPAddress.Family], probeSource: ProbeSource = .standard, reconciles: Bool = true) {
        self.families = families
        self.probeSource = probeSource
        self.reconciles = reconciles
    }

    /// Makes the namespace hold exactly the rules and routes of `options`. Doing it again changes nothing.
    @discardableResult
    public func install(
        _ options: CaptureOptions, in namespace: NetworkNamespace
    ) throws(CommandFailure) -> Outcome {
        // Routes come first: a rule that marks packets has nothing to say before they are there.
        for family in families { try installRouting(PodRouting(family: family), in: namespace) }
        var outcome = Outcome.unchanged
        for family in families {
            let rules = RuleSet(pod: options, family: family, probeSource: probeSource)
            let one = try install(rules, with: PacketFilter(family: family, namespace: namespace))
            if one != .unchanged { outcome = one }
        }
        return outcome
    }

    /// Captures no new connections; those that were captured go on until `remove`. Without any rule that asks for it
    /// the kernel forgets how it has translated their addresses, and their programs would wait for ever.
    public func release(_ namespace: NetworkNamespace) throws(CommandFailure) {
        for family in families {
            let filter = PacketFilter(family: family, namespace: namespace)
            try filter.restore(filter.save().release())
        }
    }

    /// Takes all rules of the mesh and its routing out of the namespace. What is missing already is no error.
    public func remove(from namespace: NetworkNamespace) throws(CommandFailure) {
        for family in families {
            let filter = PacketFilter(family: family, namespace: namespace)
            try filter.restore(filter.save().removal())
        }
        for family in families {
            let routing = PodRouting(family: family)
            _ = try Command.ip(routing.ruleRemoval).result(in: namespace)
            _ = try Command.ip(routing.routeRemoval).result(in: namespace)
        }
    }

    private func install(_ rules: RuleSet, with filter: PacketFilter) throws(CommandFailure) -> Outcome {
        let saved = try filter.save()
        if saved.isClean || saved.isReleased {
            try filter.restore(saved.removal())
            try filter.restore(rules.installation)
            return .installed
        }
        if saved.hasShape(of: rules), try filter.holds(rules) { return .unchanged }
        guard reconciles else { return .differs }
        // A guard that is there was left by an agent that died at this very work.
        if !saved.contains(chain: Guardrails.chain) { try filter.restore(Guardrails.installation) }
        try filter.restore(saved.removal(except: Guardrails.chain))
        try filter.restore(rules.installation)
        try filter.restore(filter.save().removal(only: Guardrails.chain))
        return .replaced
    }

    private func installRouting(_ routing: PodRouting, in namespace: NetworkNamespace) throws(CommandFailure) {
        if routing.family == .v6, try isIPv6Disabled(in: namespace) { return }
        try Command.ip(routing.routeInstallation).run(in: namespace)
        let command = Command.ip(routing.ruleInstallation)
        let result = try command.result(in: namespace)
        if !result.status.isSuccess, !String(decoding: result.errors, as: UTF8.self).contains("File exists") {
            throw CommandFailure(command, result)
        }
    }

    private func isIPv6Disabled(in namespace: NetworkNamespace) throws(CommandFailure) -> Bool {
        let command = Command(words: ["cat", "/proc/sys/net/ipv6/conf/lo/disable_ipv6"])
        return try command.result(in: namespace).output.first == UInt8(ascii: "1")
    }
}
