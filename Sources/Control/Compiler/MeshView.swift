import Manifests
import Schema

/// The objects with what is looked up often, and how things are named in the mesh.
struct MeshView {
    let objects: ManifestSet
    let settings: MeshSettings
    /// The network of this cluster; empty when it has no name.
    let network: String
    let entries: EntryIndex
    private let servicesByNamespace: [String: [Manifests.Service]]
    private let servicesByPodUID: [String: Set<ObjectName>]

    init(objects: ManifestSet, settings: MeshSettings) {
        self.objects = objects
        self.settings = settings
        let root = objects.namespaces[settings.rootNamespace]
        network = root?.metadata.labels["topology.istio.io/network"] ?? ""
        servicesByNamespace = Dictionary(
            grouping: objects.services.values.filter { !$0.isExternalName }, by: \.metadata.name.namespace)
        var byPod: [String: Set<ObjectName>] = [:]
        for slice in objects.endpointSlices.values {
            guard let service = slice.serviceName else { continue }
            let name = ObjectName(namespace: slice.metadata.name.namespace, name: service)
            for endpoint in slice.endpoints {
                if let uid = endpoint.podUID, !uid.isEmpty { byPod[uid, default: []].insert(name) }
            }
        }
        servicesByPodUID = byPod
        let hostnames = servicesByNamespace.values.joined().map { service in
            let name = service.metadata.name
            return (namespace: name.namespace, hostname: Self.hostname(of: name, settings))
        }
        entries = EntryIndex(Array(objects.serviceEntries.values), services: hostnames)
    }

    func hostname(of service: ObjectName) -> String { Self.hostname(of: service, settings) }

    private static func hostname(of service: ObjectName, _ settings: MeshSettings) -> String {
        "\(service.name).\(service.namespace).svc.\(settings.domain)"
    }

    /// The name of a service's resource, under which workloads list their ports too.
    func key(of service: ObjectName) -> String { "\(service.namespace)/\(hostname(of: service))" }

    /// The Services that a pod serves: by their selector, or because an EndpointSlice of theirs names the pod.
    func services(of pod: Pod) -> [Manifests.Service] {
        let named = servicesByPodUID[pod.metadata.uid] ?? []
        return (servicesByNamespace[pod.metadata.name.namespace] ?? []).filter { service in
            named.contains(service.metadata.name) || service.selects(pod.metadata.labels)
        }
    }

    /// The Services whose selector chooses these labels.
    func services(selecting labels: [String: String], in namespace: String) -> [Manifests.Service] {
        (servicesByNamespace[namespace] ?? []).filter { $0.selects(labels) }
    }

    /// Where a node is; nil when nothing is known of it.
    func locality(ofNode name: String) -> Locality? {
        guard let labels = objects.nodes[name]?.metadata.labels else { return nil }
        var locality = Locality()
        locality.region = labels["topology.kubernetes.io/region"] ?? ""
        locality.zone = labels["topology.kubernetes.io/zone"] ?? ""
        locality.subzone = labels["topology.istio.io/subzone"] ?? ""
        return locality == Locality() ? nil : locality
    }
}
