public import Manifests
import Schema

/// Turns the objects of a cluster into what node proxies are told. A pure function of its arguments.
public enum Compiler {
    /// What node proxies are to know of these objects.
    public static func compile(_ objects: ManifestSet, settings: MeshSettings) -> CompiledResources {
        let objects = visible(objects, settings)
        let mesh = MeshView(objects: objects, settings: settings)
        let peers = PeerAuthenticationCompiler(objects: objects, settings: settings)
        var resources = CompiledResources()
        for (name, policy) in objects.authorizationPolicies {
            guard let compiled = AuthorizationCompiler.compile(policy, settings: settings) else { continue }
            resources.authorizations[name.description] = compiled
        }
        for compiled in peers.authorizations {
            resources.authorizations["\(compiled.namespace)/\(compiled.name)"] = compiled
        }

        let policies = PolicyIndex(objects: objects, sent: resources.authorizations, peers: peers, settings: settings)
        for service in objects.services.values where !service.isExternalName {
            let compiled = ServiceCompiler.compile(service, mesh: mesh)
            resources.addresses["\(compiled.namespace)/\(compiled.hostname)"] = Address(.service(compiled))
        }
        for pod in objects.pods.values {
            guard let compiled = PodCompiler.compile(pod, mesh: mesh, policies: policies) else { continue }
            resources.addresses[compiled.uid] = Address(.workload(compiled))
        }
        for slice in objects.endpointSlices.values {
            for compiled in EndpointCompiler.compile(slice, mesh: mesh) {
                resources.addresses[compiled.uid] = Address(.workload(compiled))
            }
        }
        let entries = EntryCompiler(mesh: mesh, policies: policies)
        for claim in mesh.entries.claims {
            for service in entries.services(of: claim) {
                resources.addresses[EntryIndex.key(service.namespace, service.hostname)] = Address(.service(service))
            }
            for workload in entries.workloads(of: claim) {
                resources.addresses[workload.uid] = Address(.workload(workload))
            }
        }
        for entry in objects.workloadEntries.values {
            let workload = entries.workload(of: entry)
            resources.addresses[workload.uid] = Address(.workload(workload))
        }
        return resources
    }

    private static func visible(_ objects: ManifestSet, _ settings: MeshSettings) -> ManifestSet {
        guard !settings.discoverySelectors.isEmpty else { return objects }
        return objects.filtered { namespace in
            let labels = objects.namespaces[namespace]?.metadata.labels ?? [:]
            return settings.discoverySelectors.contains { $0.matches(labels) }
        }
    }
}
