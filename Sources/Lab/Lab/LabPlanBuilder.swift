import Primitives

/// Writes the namespaces of a `LabPlan`.
struct LabPlanBuilder {
    let lab: String
    let topology: LabTopology

    /// The hardware address of every bridge. Without one of its own a bridge takes the least of its ports', and as pods
    /// come and go those that remember another are not heard any more.
    private static let bridgeAddress = "02:63:76:00:00:01"
    /// The gateway of every pod: addresses that exist on each node's pod bridge only.
    private static let gateway = (v4: "169.254.1.1", v6: "fe80::1")

    /// Addresses work at once, routing asks for no symmetry (pods see foreign source addresses from their node
    /// proxy), and nobody is told of shorter ways than through the node.
    private static let hostParameters = ["all", "default", "lo"].flatMap { interface in
        [
            LabPlan.Parameter(name: "net/ipv4/conf/\(interface)/rp_filter", value: "0"),
            LabPlan.Parameter(name: "net/ipv4/conf/\(interface)/accept_redirects", value: "0"),
            LabPlan.Parameter(name: "net/ipv4/conf/\(interface)/send_redirects", value: "0"),
            LabPlan.Parameter(name: "net/ipv6/conf/\(interface)/disable_ipv6", value: "0"),
            LabPlan.Parameter(name: "net/ipv6/conf/\(interface)/accept_dad", value: "0"),
            LabPlan.Parameter(name: "net/ipv6/conf/\(interface)/accept_redirects", value: "0"),
        ]
    }

    private static let routerParameters =
        hostParameters
        + [
            LabPlan.Parameter(name: "net/ipv4/ip_forward", value: "1"),
            LabPlan.Parameter(name: "net/ipv6/conf/all/forwarding", value: "1"),
            // Packets between pods of a node are routed; the bridge is to leave their translation to that.
            LabPlan.Parameter(name: "net/bridge/bridge-nf-call-iptables", value: "0", isOptional: true),
            LabPlan.Parameter(name: "net/bridge/bridge-nf-call-ip6tables", value: "0", isOptional: true),
        ]

    // MARK: Backbone

    var backbone: LabPlan.Namespace {
        var result = LabPlan.Namespace(name: lab)
        result.parameters = Self.hostParameters
        result.links = [
            "link set lo up",
            "link add backbone address \(Self.bridgeAddress) type bridge mcast_snooping 0",
            "addr add \(LabPlan.controlAddress)/24 dev backbone",
            "addr add \(IPAddress(v6High: LabPlan.backboneHigh, low: 1))/64 dev backbone nodad",
            "link set backbone up",
        ]
        for index in topology.nodes.indices {
            result.links.append("link add n\(index) type veth peer name backbone netns \(name(ofNode: index))")
            result.links.append("link set n\(index) master backbone up")
        }
        // What stands here is outside every pod, yet pods can be answered.
        for (index, node) in topology.nodes.enumerated() {
            for address in topology.pods.filter({ $0.node == node }).flatMap(\.addresses) {
                result.links.append(
                    "route add \(address) via \(LabPlan.nodeAddress(index, address.family)) dev backbone")
            }
        }
        return result
    }

    // MARK: Nodes

    func node(_ index: Int) -> LabPlan.Namespace {
        let node = topology.nodes[index]
        let (v4, v6) = (LabPlan.nodeAddress(index, .v4), LabPlan.nodeAddress(index, .v6))
        var result = LabPlan.Namespace(name: name(ofNode: index))
        result.parameters = Self.routerParameters
        result.links = [
            "link set lo up",
            "addr add \(v4)/24 dev backbone",
            "addr add \(v6)/64 dev backbone nodad",
            "link set backbone up",
            "link add pods address \(Self.bridgeAddress) type bridge mcast_snooping 0",
            "addr add \(Self.gateway.v4)/32 dev pods",
            "addr add \(Self.gateway.v6)/64 dev pods nodad",
            "link set pods up",
        ]
        for (number, pod) in topology.pods.enumerated() {
            if pod.node == node {
                result.links += pod.isOnHostNetwork ? hostAddresses(of: pod) : attachment(of: pod, number)
            }
            for address in pod.addresses where !(pod.node == node && pod.isOnHostNetwork) {
                let source = LabPlan.nodeAddress(index, address.family)
                result.links.append("route add \(address) \(hop(to: pod, from: node, address.family)) src \(source)")
            }
        }
        // The node's own programs need some route to a service address before it is translated.
        for address in Set(topology.routes.map(\.address.address)).sorted() {
            result.links.append("route add \(address) dev backbone src \(LabPlan.nodeAddress(index, address.family))")
        }
        let local = topology.pods.filter { $0.node == node && !$0.isOnHostNetwork }.flatMap(\.addresses)
        for family in [IPAddress.Family.v4, .v6] {
            result.rules[family] =
                ServiceRules(
                    routes: topology.routes.filter { $0.address.address.family == family },
                    localAddresses: local.filter { $0.family == family }
                ).text
        }
        return result
    }

    private func hostAddresses(of pod: LabTopology.Pod) -> [String] {
        pod.addresses.map { address in
            "addr add \(address)/\(address.bitCount) dev backbone\(address.family == .v6 ? " nodad" : "")"
        }
    }

    private func attachment(of pod: LabTopology.Pod, _ number: Int) -> [String] {
        [
            "link add p\(number) type veth peer name eth0 netns \(name(of: pod))",
            "link set p\(number) master pods up",
        ]
    }

    private func hop(to pod: LabTopology.Pod, from node: String, _ family: IPAddress.Family) -> String {
        if pod.node == node { return "dev pods" }
        let index = topology.nodes.firstIndex(of: pod.node) ?? 0
        return "via \(LabPlan.nodeAddress(index, family)) dev backbone"
    }

    // MARK: Pods

    func pod(_ pod: LabTopology.Pod) -> LabPlan.Namespace {
        var result = LabPlan.Namespace(name: name(of: pod))
        result.parameters = Self.hostParameters
        result.links = ["link set lo up"]
        for address in pod.addresses {
            let suffix = address.family == .v6 ? " nodad" : ""
            result.links.append("addr add \(address)/\(address.bitCount) dev eth0\(suffix)")
        }
        result.links.append("link set eth0 up")
        if pod.addresses.contains(where: { $0.family == .v4 }) {
            result.links.append("route add \(Self.gateway.v4) dev eth0 scope link")
            result.links.append("route add default via \(Self.gateway.v4) dev eth0")
        }
        if pod.addresses.contains(where: { $0.family == .v6 }) {
            result.links.append("route add default via \(Self.gateway.v6) dev eth0")
        }
        return result
    }

    private func name(ofNode index: Int) -> String { "\(lab)-\(topology.nodes[index])" }

    private func name(of pod: LabTopology.Pod) -> String { "\(lab)-\(pod.namespace)-\(pod.name)" }
}
