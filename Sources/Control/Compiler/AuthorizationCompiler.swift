import Manifests
import Primitives
import Schema

/// AuthorizationPolicies as the node proxy enforces them. It knows no HTTP: an ALLOW rule that asks for something of
/// HTTP is left out, so that it allows nothing; a DENY rule keeps its other conditions, so that it denies more.
enum AuthorizationCompiler {
    /// Nil for a policy that is not the node proxy's.
    static func compile(_ policy: AuthorizationPolicy, settings: MeshSettings) -> Authorization? {
        guard !policy.hasTargets, policy.action == .allow || policy.action == .deny else { return nil }
        let isDryRun = isTrue(policy.metadata.annotations["istio.io/dry-run"])
        guard !isDryRun || settings.sendsDryRunPolicies else { return nil }
        let name = policy.metadata.name
        var compiled = Authorization()
        compiled.name = name.name
        compiled.namespace = name.namespace
        compiled.scope =
            policy.selector != nil ? .workloadSelector : name.namespace == settings.rootNamespace ? .global : .namespace
        compiled.action = policy.action == .deny ? .deny : .allow
        compiled.dryRun = isDryRun
        compiled.groups = policy.rules.compactMap { group($0, action: policy.action, namespace: name.namespace) }
        return compiled
    }

    /// The spellings of a boolean that annotations may have.
    private static func isTrue(_ text: String?) -> Bool { ["1", "t", "T", "true", "True", "TRUE"].contains(text) }

    private static func group(
        _ rule: AuthorizationPolicy.Rule, action: AuthorizationPolicy.Action, namespace: String
    ) -> Authorization.Group? {
        let asksHTTP =
            rule.from.contains(where: \.hasHTTPConditions) || rule.to.contains(where: \.hasHTTPConditions)
            || rule.when.contains { !knownKeys.contains($0.key) }
        if asksHTTP && action == .allow { return nil }
        var group = Authorization.Group()
        var clauses = [rule.to.map(match), rule.from.map { match($0, namespace: namespace) }]
        clauses += rule.when.map { [match($0)] }
        group.rules = clauses.filter { !$0.isEmpty }.map { matches in
            var rules = Authorization.Rules()
            rules.matches = matches
            return rules
        }
        return group
    }

    private static func match(_ operation: AuthorizationPolicy.Operation) -> Authorization.Match {
        var match = Authorization.Match()
        match.destinationPorts = ports(operation.ports.values)
        match.notDestinationPorts = ports(operation.ports.notValues)
        return match
    }

    private static func match(_ source: AuthorizationPolicy.Source, namespace: String) -> Authorization.Match {
        let accounts = { (values: [String]) in values.map { serviceAccount($0, namespace: namespace) } }
        var match = Authorization.Match()
        match.principals = strings(source.principals.values)
        match.notPrincipals = strings(source.principals.notValues)
        match.namespaces = strings(source.namespaces.values)
        match.notNamespaces = strings(source.namespaces.notValues)
        match.serviceAccounts = accounts(source.serviceAccounts.values)
        match.notServiceAccounts = accounts(source.serviceAccounts.notValues)
        match.sourceIPs = ranges(source.ipBlocks.values)
        match.notSourceIPs = ranges(source.ipBlocks.notValues)
        return match
    }

    private static let knownKeys: Set = [
        "source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port",
    ]

    private static func match(_ when: AuthorizationPolicy.When) -> Authorization.Match {
        let condition = when.condition
        var match = Authorization.Match()
        switch when.key {
        case "source.ip":
            match.sourceIPs = ranges(condition.values)
            match.notSourceIPs = ranges(condition.notValues)
        case "source.namespace":
            match.namespaces = strings(condition.values)
            match.notNamespaces = strings(condition.notValues)
        case "source.principal":
            match.principals = strings(condition.values)
            match.notPrincipals = strings(condition.notValues)
        case "destination.ip":
            match.destinationIPs = ranges(condition.values)
            match.notDestinationIPs = ranges(condition.notValues)
        case "destination.port":
            match.destinationPorts = ports(condition.values)
            match.notDestinationPorts = ports(condition.notValues)
        default: break
        }
        return match
    }

    private static func strings(_ values: [String]) -> [Authorization.StringMatch] {
        values.map { text in
            if text == "*" { return Authorization.StringMatch(.presence) }
            if text.hasPrefix("*") { return Authorization.StringMatch(.suffix(String(text.dropFirst()))) }
            if text.hasSuffix("*") { return Authorization.StringMatch(.prefix(String(text.dropLast()))) }
            return Authorization.StringMatch(.exact(text))
        }
    }

    /// `account` of the policy's namespace, or `namespace/account`.
    private static func serviceAccount(_ text: String, namespace: String) -> Authorization.ServiceAccountMatch {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var match = Authorization.ServiceAccountMatch()
        match.namespace = parts.count == 2 ? String(parts[0]) : namespace
        match.serviceAccount = parts.last.map(String.init) ?? ""
        return match
    }

    /// What is no range is left out, as Istio does; the match then lacks it.
    private static func ranges(_ values: [String]) -> [Authorization.Range] {
        values.compactMap { text in
            guard let prefix = IPPrefix(text) else { return nil }
            var range = Authorization.Range()
            range.address = prefix.address.bytes
            range.length = UInt32(prefix.length)
            return range
        }
    }

    private static func ports(_ values: [String]) -> [UInt32] { values.compactMap { UInt16($0).map(UInt32.init) } }
}
