import Manifests
import Primitives
import Schema

/// Kubernetes Services as services of the mesh.
enum ServiceCompiler {
    static func compile(_ service: Manifests.Service, mesh: MeshView) -> Schema.Service {
        let name = service.metadata.name
        var compiled = Schema.Service()
        compiled.name = name.name
        compiled.namespace = name.namespace
        compiled.hostname = mesh.hostname(of: name)
        compiled.canonical = true
        compiled.addresses = service.addresses.map { address in
            var compiled = NetworkAddress()
            compiled.network = mesh.network
            compiled.address = address.bytes
            return compiled
        }
        compiled.ipFamilies =
            switch service.families {
            case []: .automatic
            case [.v4]: .ipv4Only
            case [.v6]: .ipv6Only
            default: .dual
            }
        compiled.ports = service.ports.map { port in
            var compiled = Port()
            compiled.servicePort = UInt32(port.number)
            if case .number(let number) = port.target { compiled.targetPort = UInt32(number) }
            compiled.appProtocol = ApplicationProtocol.of(port)
            return compiled
        }
        compiled.loadBalancing = loadBalancing(of: service, mesh: mesh)
        return compiled
    }

    /// Nil when an endpoint is as good as another, as long as it is healthy.
    private static func loadBalancing(of service: Manifests.Service, mesh: MeshView) -> LoadBalancing? {
        var balancing = LoadBalancing()
        let annotation = "networking.istio.io/traffic-distribution"
        let namespace = mesh.objects.namespaces[service.metadata.name.namespace]
        let distribution =
            service.trafficDistribution ?? service.metadata.annotations[annotation]
            ?? namespace?.metadata.annotations[annotation]
        if service.isNodeLocal {
            balancing.mode = .strict
            balancing.routingPreference = [.node]
        } else {
            switch distribution?.lowercased() {
            case "preferclose", "prefersamezone":
                balancing.mode = .failover
                balancing.routingPreference = [.network, .region, .zone]
            case "prefersamenode":
                balancing.mode = .failover
                balancing.routingPreference = [.network, .region, .zone, .subzone, .node]
            default: break
            }
        }
        if service.publishesNotReadyAddresses { balancing.healthPolicy = .allowAll }
        return balancing == LoadBalancing() ? nil : balancing
    }
}
