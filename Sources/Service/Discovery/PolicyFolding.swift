import Identity
import Policy
import Primitives
import Schema

/// Turns an authorisation policy as it comes over the wire into one that can be decided on. The message is refused when
/// it cannot be told what it applies to or does, and one that denies stands for it; a rule in it that is not understood
/// is kept, as one that refuses.
enum PolicyFolding {
    static func policy(_ bytes: [UInt8]) throws(ResourceFlaw) -> AuthorizationPolicy {
        let message: FlatAuthorization
        do {
            message = try FlatAuthorization(protobuf: bytes)
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
            rules: rules(message))
    }

    /// What stands for a policy that was refused: one that denies everybody, as far as the policy may have reached. Nil
    /// where its name does not say whom it concerns.
    static func refusal(named name: String, _ bytes: [UInt8], _ flaw: ResourceFlaw) -> AuthorizationPolicy? {
        guard let slash = name.firstIndex(of: "/") else { return nil }
        let scope: AuthorizationPolicy.Scope
        switch (try? FlatAuthorization(protobuf: bytes))?.scope {
        case .global: scope = .global
        case .workloadSelector: scope = .workloadSelector
        default: scope = .namespace
        }
        return AuthorizationPolicy(
            name: String(name[name.index(after: slash)...]), namespace: String(name[..<slash]), scope: scope,
            action: .deny, rules: [PolicyRule(clauses: [], flaw: "\(flaw)")])
    }

    // MARK: Rules

    private static func rules(_ message: FlatAuthorization) -> PolicyRules {
        var builder = PolicyRulesBuilder(ruleCount: message.groupCount, valueCount: message.valueCount)
        for part in message.parts {
            switch part {
            case .group: builder.beginRule()
            case .rules: builder.beginClause()
            case .match: builder.beginMatch()
            case .value(let value, let isNegated):
                var flaw: String?
                if let value = self.value(value, &flaw) { builder.add(value, isNegated: isNegated) }
                if let flaw { builder.flawRule(flaw) }
            }
        }
        return builder.finished()
    }

    /// Nil, and a word about why, for what is not understood.
    private static func value(_ value: FlatAuthorization.Value, _ flaw: inout String?) -> PolicyValue? {
        switch value {
        case .namespace(let kind): pattern(kind, &flaw).map(PolicyValue.namespace)
        case .principal(let kind): pattern(kind, &flaw).map(PolicyValue.principal)
        case .sourceIP(let bytes, let length): prefix(bytes, length, &flaw).map(PolicyValue.source)
        case .destinationIP(let bytes, let length): prefix(bytes, length, &flaw).map(PolicyValue.destination)
        case .destinationPort(let number): port(number, &flaw).map(PolicyValue.port)
        case .serviceAccount(let namespace, let account):
            .account(ServiceAccountName(namespace: namespace, serviceAccount: account))
        }
    }

    private static func pattern(_ kind: Authorization.StringMatch.Kind?, _ flaw: inout String?) -> StringMatch? {
        switch kind {
        case .exact(let text): return .exact(text)
        case .prefix(let text): return .prefix(text)
        case .suffix(let text): return .suffix(text)
        case .presence: return .presence
        case nil:
            flaw = "unknown kind of text match"
            return nil
        }
    }

    private static func prefix(_ bytes: ArraySlice<UInt8>, _ length: UInt32, _ flaw: inout String?) -> IPPrefix? {
        guard let address = IPAddress(bytes: bytes) else {
            flaw = "address of \(bytes.count) bytes"
            return nil
        }
        guard let prefix = IPPrefix(address, length: Int(length)) else {
            flaw = "prefix of \(length) bits for \(address)"
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
}
