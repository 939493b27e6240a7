import Manifests
import Primitives
import Schema

/// Endpoints that stand for no pod: addresses that somebody wrote down for a Service.
enum EndpointCompiler {
    static func compile(_ slice: EndpointSlice, mesh: MeshView) -> [Workload] {
        guard let serviceName = slice.serviceName,
            let service = mesh.objects.services[
                ObjectName(namespace: slice.metadata.name.namespace, name: serviceName)],
            !service.isExternalName
        else { return [] }
        let ports = ports(of: service, in: slice)
        return slice.endpoints.filter { $0.podUID == nil }.flatMap { endpoint in
            endpoint.addresses.map { address in
                let name = slice.metadata.name
                var workload = Workload()
                workload.uid = "\(mesh.settings.clusterID)/discovery.k8s.io/EndpointSlice/\(name)/\(address)"
                workload.name = name.name
                workload.namespace = name.namespace
                workload.addresses = [address.bytes]
                workload.network = mesh.network
                workload.clusterID = mesh.settings.clusterID
                // The address may be a pod's or a host's; nothing is known of who else has it.
                workload.networkMode = .hostNetwork
                workload.status = endpoint.isReady ? .healthy : .unhealthy
                workload.services = [mesh.key(of: service.metadata.name): ports]
                return workload
            }
        }
    }

    /// The Service's ports with the numbers that the slice gives under the same names.
    private static func ports(of service: Manifests.Service, in slice: EndpointSlice) -> PortList {
        var list = PortList()
        for port in service.ports {
            guard let target = slice.ports.first(where: { $0.name == port.name && $0.transport == "TCP" }) else {
                continue
            }
            var compiled = Port()
            compiled.servicePort = UInt32(port.number)
            compiled.targetPort = UInt32(target.number)
            list.ports.append(compiled)
        }
        return list
    }
}
