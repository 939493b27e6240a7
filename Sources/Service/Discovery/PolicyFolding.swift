import Identity
import Policy
import Primitives
import Schema

/// Turns an authorisation policy as it comes over the wire into one that can be decided on. The message is refused when
/// it cannot be told what it applies to or does, and one that denies stands for it; a rule in it that is not understood
/// is kept, as one that refuses.
enum PolicyFolding {
    static func policy(_ bytes: [UInt8]) throws(ResourceFlaw) -> AuthorizationPolicy {
        let message: Schema.Authorization
        do {
            message = try Schema.Authorization(protobuf: bytes)
        } catch {
            throw .undecodable(error)
        }
        let scope: AuthorizationPolicy.Scope
        switch message.scope {
        case .global: scope = .global
        case .namespace: scope = .namespace
        case .workloadSelector: scope = .workloadSelector
        default: throw .unknownNumber(message.scope.rawValue)
        }
        let action: AuthorizationPolicy.Action
        switch message.action {
        case .allow: action = .allow
        case .deny: action = .deny
        default: throw .unknownNumber(message.action.rawValue)
        }
        return AuthorizationPolicy(
            name: message.name, namespace: message.namespace, scope: scope, action: action, isDryRun: message.dryRun,
            rules: message.groups.map(rule))
    }

    /// What stands for a policy that was refused: one that denies everybody, as far as the policy may have reached. Nil
    /// where its name does not say whom it concerns.
    static func refusal(named name: String, _ bytes: [UInt8], _ flaw: ResourceFlaw) -> AuthorizationPolicy? {
        guard let slash = name.firstIndex(of: "/") else { return nil }
        let scope: AuthorizationPolicy.Scope
        switch (try? Schema.Authorization(protobuf: bytes))?.scope {
        case .global: scope = .global
        case .workloadSelector: scope = .workloadSelector
        default: scope = .namespace
        }
        return AuthorizationPolicy(
            name: String(name[name.index(after: slash)...]), namespace: String(name[..<slash]), scope: scope,
            action: .deny, rules: [PolicyRule(clauses: [], flaw: "\(flaw)")])
    }

    private static func rule(_ group: Authorization.Group) -> PolicyRule {
        var flaw: String?
        let clauses = group.rules.map { clause in clause.matches.map { match($0, &flaw) } }
        return PolicyRule(clauses: clauses, flaw: flaw)
    }

    private static func match(_ message: Authorization.Match, _ flaw: inout String?) -> PolicyMatch {
        var match = PolicyMatch()
        match.namespaces = condition(message.namespaces, message.notNamespaces, &flaw, pattern)
        match.principals = condition(message.principals, message.notPrincipals, &flaw, pattern)
        match.sources = condition(message.sourceIPs, message.notSourceIPs, &flaw, prefix)
        match.destinations = condition(message.destinationIPs, message.notDestinationIPs, &flaw, prefix)
        match.destinationPorts = condition(message.destinationPorts, message.notDestinationPorts, &flaw, port)
        match.serviceAccounts = condition(message.serviceAccounts, message.notServiceAccounts, &flaw, account)
        return match
    }

    /// What a reader of one value makes of it: nil and a word about why.
    private typealias Reader<Input, Output> = (Input, inout String?) -> Output?

    private static func condition<Input, Output>(
        _ anyOf: [Input], _ noneOf: [Input], _ flaw: inout String?, _ read: Reader<Input, Output>
    ) -> PolicyMatch.Condition<Output> {
        // Most conditions are not there.
        if anyOf.isEmpty, noneOf.isEmpty { return PolicyMatch.Condition() }
        return PolicyMatch.Condition(
            anyOf: anyOf.compactMap { read($0, &flaw) }, noneOf: noneOf.compactMap { read($0, &flaw) })
    }

    private static func pattern(_ message: Authorization.StringMatch, _ flaw: inout String?) -> StringMatch? {
        switch message.kind {
        case .exact(let text): return .exact(text)
        case .prefix(let text): return .prefix(text)
        case .suffix(let text): return .suffix(text)
        case .presence: return .presence
        case nil:
            flaw = "unknown kind of text match"
            return nil
        }
    }

    private static func prefix(_ range: Authorization.Range, _ flaw: inout String?) -> IPPrefix? {
        guard let address = IPAddress(bytes: range.address) else {
            flaw = "address of \(range.address.count) bytes"
            return nil
        }
        guard let prefix = IPPrefix(address, length: Int(range.length)) else {
            flaw = "prefix of \(range.length) bits for \(address)"
            return nil
        }
        return prefix
    }

    private static func port(_ number: UInt32, _ flaw: inout String?) -> UInt16? {
        guard let port = UInt16(exactly: number) else {
            flaw = "port \(number)"
            return nil
        }
        return port
    }

    private static func account(
        _ message: Authorization.ServiceAccountMatch, _ flaw: inout String?
    ) -> ServiceAccountName? {
        ServiceAccountName(namespace: message.namespace, serviceAccount: message.serviceAccount)
    }
}
