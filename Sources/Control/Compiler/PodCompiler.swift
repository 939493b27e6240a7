import Manifests
import Primitives
import Schema

/// Pods as workloads.
enum PodCompiler {
    /// Nil for a pod without address, or one that has ended.
    static func compile(_ pod: Pod, mesh: MeshView, policies: PolicyIndex) -> Workload? {
        guard !pod.addresses.isEmpty, pod.phase != .succeeded, pod.phase != .failed else { return nil }
        let name = pod.metadata.name
        let labels = pod.metadata.labels
        var workload = Workload()
        workload.uid = "\(mesh.settings.clusterID)//Pod/\(name)"
        workload.name = name.name
        workload.namespace = name.namespace
        workload.addresses = pod.addresses.map(\.bytes)
        workload.network = mesh.network
        workload.trustDomain = mesh.settings.trustDomain == "cluster.local" ? "" : mesh.settings.trustDomain
        workload.serviceAccount = pod.serviceAccount
        workload.node = pod.nodeName
        workload.locality = mesh.locality(ofNode: pod.nodeName)
        workload.clusterID = mesh.settings.clusterID
        workload.networkMode = pod.usesHostNetwork ? .hostNetwork : .standard
        workload.workloadType = .pod
        workload.workloadName = WorkloadNaming.workloadName(of: pod)
        workload.canonicalName = WorkloadNaming.canonicalName(labels) ?? workload.workloadName
        workload.canonicalRevision = WorkloadNaming.canonicalRevision(labels)
        workload.status = isHealthy(pod) ? .healthy : .unhealthy
        workload.authorizationPolicies = policies.policies(labels: labels, in: name.namespace)
        setTunnel(of: &workload, pod, mesh: mesh)
        for service in mesh.services(of: pod) {
            workload.services[mesh.key(of: service.metadata.name)] = ports(of: service, on: pod)
        }
        for claim in mesh.entries.selecting(labels, in: name.namespace) {
            for host in claim.hosts {
                workload.services[EntryIndex.key(name.namespace, host)] =
                    EntryCompiler.ports(of: claim.entry) { pod.namedPorts[$0] }
            }
        }
        return workload
    }

    /// A pod outside any cluster has no kubelet to report its conditions; it counts as ready.
    private static func isHealthy(_ pod: Pod) -> Bool {
        let isUnreported = pod.metadata.annotations[EnrolmentRule.networkNamespaceAnnotation] != nil
        return (pod.isReady ?? isUnreported) && !pod.metadata.isDeleting
    }

    private static func setTunnel(of workload: inout Workload, _ pod: Pod, mesh: MeshView) {
        let namespace = mesh.objects.namespaces[pod.metadata.name.namespace]
        if EnrolmentRule.isRedirected(pod, in: namespace, settings: mesh.settings) { workload.tunnelProtocol = .hbone }
        if pod.metadata.labels["networking.istio.io/tunnel"] == "http" {
            workload.tunnelProtocol = .hbone
            workload.nativeTunnel = true
        }
    }

    /// The ports of a Service as this pod has them; one whose name the pod does not know is left out.
    private static func ports(of service: Manifests.Service, on pod: Pod) -> PortList {
        var list = PortList()
        for port in service.ports {
            var compiled = Port()
            compiled.servicePort = UInt32(port.number)
            switch port.target {
            case .number(let number): compiled.targetPort = UInt32(number)
            case .name(let name):
                guard let number = pod.namedPorts[name] else { continue }
                compiled.targetPort = UInt32(number)
            }
            list.ports.append(compiled)
        }
        return list
    }
}
