import Manifests
import Schema

/// PeerAuthentications as policies that deny whoever does not prove an identity. DENY policies know no exceptions to
/// one another, so a workload lists exactly one of them.
struct PeerAuthenticationCompiler {
    private static let staticName = "istio_converted_static_strict"
    private static let prefix = "converted_peer_authentication_"

    private let rootNamespace: String
    /// The mode of the mesh, and of the namespaces that say one.
    private let meshMode: PeerAuthentication.Mode
    private let namespaceModes: [String: PeerAuthentication.Mode]
    /// Those with a selector, by namespace, the oldest first.
    private let selecting: [String: [PeerAuthentication]]
    private let converted: [ObjectName: Authorization]
    private let isUsed: Bool

    init(objects: ManifestSet, settings: MeshSettings) {
        rootNamespace = settings.rootNamespace
        let oldestFirst = objects.peerAuthentications.values.sorted { $0.metadata.isOlder(than: $1.metadata) }
        let byNamespace = Dictionary(grouping: oldestFirst, by: \.metadata.name.namespace)
        isUsed = !oldestFirst.isEmpty
        let whole = byNamespace.compactMapValues { $0.first { $0.selector == nil }?.mode }
        let meshMode = whole[settings.rootNamespace].flatMap { $0 == .unset ? nil : $0 } ?? .permissive
        self.meshMode = meshMode
        let namespaceModes = whole.filter { $0.value != .unset && $0.key != settings.rootNamespace }
        self.namespaceModes = namespaceModes
        // A selector in the root namespace has no meaning.
        selecting = byNamespace.filter { $0.key != settings.rootNamespace }
            .mapValues { $0.filter { $0.selector != nil } }
        var converted: [ObjectName: Authorization] = [:]
        for peer in selecting.values.joined() {
            let parent = namespaceModes[peer.metadata.name.namespace] ?? meshMode
            converted[peer.metadata.name] = Self.convert(peer, parent: parent)
        }
        self.converted = converted
    }

    /// The policies to send: the one for plain strictness as soon as there is any PeerAuthentication, and one for
    /// each that has exceptions by port.
    var authorizations: [Authorization] {
        guard isUsed else { return [] }
        var strict = Self.policy(ObjectName(namespace: rootNamespace, name: Self.staticName))
        strict.groups = [Self.group([Self.unauthenticated])]
        return [strict] + converted.values
    }

    /// What a workload lists: nothing, or one policy.
    func policies(labels: [String: String], in namespace: String) -> [String] {
        let peer = selecting[namespace]?.first { $0.selector?.matches(labels) == true }
        if let peer, let policy = converted[peer.metadata.name] { return ["\(policy.namespace)/\(policy.name)"] }
        let parent = namespaceModes[namespace] ?? meshMode
        let mode = peer.map { $0.mode == .unset ? parent : $0.mode } ?? parent
        return mode == .strict ? ["\(rootNamespace)/\(Self.staticName)"] : []
    }

    /// Nil when the ports make no difference.
    private static func convert(_ peer: PeerAuthentication, parent: PeerAuthentication.Mode) -> Authorization? {
        let isInherited = peer.mode == .unset
        let mode = isInherited ? parent : peer.mode
        let ports = peer.portModes.sorted { $0.key < $1.key }
        var policy = policy(
            ObjectName(namespace: peer.metadata.name.namespace, name: prefix + peer.metadata.name.name))
        if mode == .strict {
            // Istio's two readings of DISABLE below an inherited STRICT differ; this is the stricter one.
            let exempt = ports.filter { $0.value == .permissive || $0.value == .disable && !isInherited }
            guard !exempt.isEmpty else { return nil }
            let others = exempt.map { port in
                var match = Authorization.Match()
                match.notDestinationPorts = [UInt32(port.key)]
                return match
            }
            policy.groups = [group([unauthenticated] + others)]
        } else {
            let strict = ports.filter { $0.value == .strict }
            guard !strict.isEmpty else { return nil }
            policy.groups = strict.map { port in
                var match = unauthenticated
                match.destinationPorts = [UInt32(port.key)]
                return group([match])
            }
        }
        return policy
    }

    private static func policy(_ name: ObjectName) -> Authorization {
        var policy = Authorization()
        policy.name = name.name
        policy.namespace = name.namespace
        policy.scope = .workloadSelector
        policy.action = .deny
        return policy
    }

    /// Matches a peer without identity.
    private static var unauthenticated: Authorization.Match {
        var match = Authorization.Match()
        match.notPrincipals = [Authorization.StringMatch(.presence)]
        return match
    }

    /// A group that fires when all of `matches` do.
    private static func group(_ matches: [Authorization.Match]) -> Authorization.Group {
        var group = Authorization.Group()
        group.rules = matches.map { match in
            var rules = Authorization.Rules()
            rules.matches = [match]
            return rules
        }
        return group
    }
}
