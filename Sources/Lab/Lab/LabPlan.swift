public import Primitives

/// A lab as the network namespaces that make it up, each with the words for `ip`, `iptables-restore` and sysctl.
/// Pure: it is the same for the same topology, and carried out elsewhere.
///
/// Every namespace is named for the lab. The one with the lab's own name is the backbone: a bridge that joins the
/// nodes, and the place of the control plane. A node holds a bridge for its pods and routes between it and the
/// backbone; a pod has one interface, `eth0`, and reaches everything by way of its node, so that no address plan is
/// asked of the manifests.
public struct LabPlan: Equatable, Sendable {
    /// A kernel parameter of a namespace, such as `net/ipv4/ip_forward`.
    public struct Parameter: Equatable, Sendable {
        public let name: String
        public let value: String
        /// Whether the kernel may lack it.
        public var isOptional = false
    }

    /// One network namespace.
    public struct Namespace: Equatable, Sendable {
        public let name: String
        /// Set before there are interfaces.
        public var parameters: [Parameter] = []
        /// Lines of `ip -batch`.
        public var links: [String] = []
        /// Text for iptables-restore and ip6tables-restore.
        public var rules: [IPAddress.Family: String] = [:]
    }

    public let lab: String
    public let topology: LabTopology
    /// In the order in which they are to be built, once all exist: backbone, nodes, pods.
    public let namespaces: [Namespace]

    public init(lab: String, topology: LabTopology) {
        self.lab = lab
        self.topology = topology
        let builder = LabPlanBuilder(lab: lab, topology: topology)
        let nodes = topology.nodes
        namespaces =
            [builder.backbone] + nodes.indices.map { builder.node($0) }
            + topology.pods.filter { !$0.isOnHostNetwork }.map { builder.pod($0) }
    }

    /// The namespace of the backbone and the control plane.
    public var backbone: String { lab }

    /// The namespace of a node.
    public func namespace(ofNode node: String) -> String { "\(lab)-\(node)" }

    /// The namespace that a pod's programs run in.
    public func namespace(of pod: LabTopology.Pod) -> String {
        pod.isOnHostNetwork ? namespace(ofNode: pod.node) : "\(lab)-\(pod.namespace)-\(pod.name)"
    }

    /// The control plane's address on the backbone.
    public static let controlAddress = IPAddress(v4: 0xc612_0001)

    /// A node's addresses on the backbone, IPv4 and IPv6; nodes are numbered in the order of their names.
    public static func nodeAddress(_ index: Int, _ family: IPAddress.Family) -> IPAddress {
        switch family {
        case .v4: IPAddress(v4: 0xc612_000a + UInt32(index))
        case .v6: IPAddress(v6High: backboneHigh, low: 10 + UInt64(index))
        }
    }

    /// 198.18.0.0/24 is set apart for benchmarks (RFC 2544), fdc5::/64 is local (RFC 4193).
    static let backboneHigh: UInt64 = 0xfdc5_0000_0000_0000

    /// What a pod's hosts file holds: the names of services as cluster DNS would resolve them from its namespace.
    public func hosts(for pod: LabTopology.Pod) -> String {
        let names = topology.names.flatMap { name in
            name.addresses.map { address in
                let own = name.namespace == pod.namespace ? " \(name.service)" : ""
                let qualified = "\(name.service).\(name.namespace)"
                return "\(address) \(name.hostname) \(qualified).svc \(qualified)\(own)\n"
            }
        }
        return "127.0.0.1 localhost\n::1 localhost\n" + names.joined()
    }
}
