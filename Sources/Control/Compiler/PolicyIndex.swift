import Manifests
import Schema

/// Which of the policies that are sent a workload must list: those that choose it by its labels.
struct PolicyIndex {
    private struct Entry {
        var key: String
        var selector: LabelSelector
    }

    private let entries: [String: [Entry]]
    private let peers: PeerAuthenticationCompiler
    private let rootNamespace: String

    /// `sent` are the compiled policies by name: one that is not sent is not listed.
    init(
        objects: ManifestSet, sent: [String: Authorization], peers: PeerAuthenticationCompiler, settings: MeshSettings
    ) {
        var entries: [String: [Entry]] = [:]
        for (name, policy) in objects.authorizationPolicies {
            guard let selector = policy.selector, sent[name.description] != nil else { continue }
            entries[name.namespace, default: []].append(Entry(key: name.description, selector: selector))
        }
        self.entries = entries
        self.peers = peers
        rootNamespace = settings.rootNamespace
    }

    /// The names of the policies to list, those made of PeerAuthentications last.
    func policies(labels: [String: String], in namespace: String) -> [String] {
        let namespaces: Set = [namespace, rootNamespace]
        let selected = namespaces.flatMap { entries[$0] ?? [] }.filter { $0.selector.matches(labels) }
        return selected.map(\.key).sorted() + peers.policies(labels: labels, in: namespace)
    }
}
