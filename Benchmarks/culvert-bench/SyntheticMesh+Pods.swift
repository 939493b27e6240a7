import Primitives
import Schema

extension SyntheticMesh {
    /// A pod of the lab, which stands in the mesh beside all that is made up.
    struct Pod {
        static let namespace = "mesh"
        let name: String
        let node: String
        let address: IPAddress

        /// From `NAME/NODE/ADDRESS`.
        init?(_ text: Substring) {
            let parts = text.split(separator: "/").map(String.init)
            guard parts.count == 3, let address = IPAddress(parts[2]) else { return nil }
            (name, node, self.address) = (parts[0], parts[1], address)
        }
    }

    /// Where the lab's service listens; the pods behind it are those that have a `targetPort`.
    static let labServiceAddress = IPAddress(v4: 0x0aff_ff01)
    private static let labHostname = "server.mesh.svc.cluster.local"
    private static let labPolicy = "server-for-client"

    /// A pod of the lab. One that the service leads to, at `targetPort`, is for `client` alone.
    func workload(_ pod: Pod, targetPort: UInt16?, version: Int) -> Resource {
        var message = Schema.Workload()
        message.uid = "Kubernetes//Pod/\(Pod.namespace)/\(pod.name)"
        message.name = pod.name
        message.namespace = Pod.namespace
        message.addresses = [pod.address.bytes]
        message.network = Self.network
        message.tunnelProtocol = .hbone
        message.serviceAccount = pod.name
        message.node = pod.node
        message.canonicalName = pod.name
        message.workloadName = pod.name
        message.clusterID = "Kubernetes"
        if let targetPort {
            message.services = ["\(Pod.namespace)/\(Self.labHostname)": Self.ports(leadingTo: targetPort)]
            message.authorizationPolicies = ["\(Pod.namespace)/\(Self.labPolicy)"]
        }
        return Self.resource(Schema.Address(.workload(message)), named: message.uid, version)
    }

    /// The service of the lab.
    func labService() -> Resource {
        var message = Schema.Service()
        message.name = "server"
        message.namespace = Pod.namespace
        message.hostname = Self.labHostname
        var address = Schema.NetworkAddress()
        address.network = Self.network
        address.address = Self.labServiceAddress.bytes
        message.addresses = [address]
        message.ports = Self.ports(leadingTo: Self.port).ports
        return Self.resource(
            Schema.Address(.service(message)), named: "\(message.namespace)/\(message.hostname)", 0)
    }

    /// Lets `client` call the service's pods, and nobody else.
    func labPolicy(for client: Pod) -> Resource {
        var match = Authorization.Match()
        match.principals = [.init(.exact("cluster.local/ns/\(Pod.namespace)/sa/\(client.name)"))]
        var rules = Authorization.Rules()
        rules.matches = [match]
        var group = Authorization.Group()
        group.rules = [rules]
        var message = Authorization()
        message.namespace = Pod.namespace
        message.name = Self.labPolicy
        message.scope = .workloadSelector
        message.groups = [group]
        return Self.resource(message, named: "\(Pod.namespace)/\(Self.labPolicy)", 0)
    }
}
