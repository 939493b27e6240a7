import Primitives
import Schema
import Testing

@testable import Lab

@Suite struct LabPlanTests {
    private func addresses(_ texts: String...) -> [IPAddress] { texts.compactMap { IPAddress($0) } }

    private var topology: LabTopology {
        var topology = LabTopology(pods: [
            .init(namespace: "shop", name: "web", node: "one", addresses: addresses("10.1.0.1", "fd01::1")),
            .init(namespace: "shop", name: "cart", node: "two", addresses: addresses("10.1.1.1", "fd01::101")),
            .init(
                namespace: "sys", name: "host", node: "two", addresses: addresses("10.0.0.2"), isOnHostNetwork: true),
        ])
        topology.names = [
            .init(
                namespace: "shop", service: "cart", hostname: "cart.shop.svc.cluster.local",
                addresses: addresses("10.96.0.1"))
        ]
        return topology
    }

    @Test func `each pod, each node and the backbone is a namespace`() {
        let plan = LabPlan(lab: "t", topology: topology)
        #expect(plan.namespaces.map(\.name) == ["t", "t-one", "t-two", "t-shop-web", "t-shop-cart"])
        #expect(topology.pods.map { plan.namespace(of: $0) } == ["t-shop-web", "t-shop-cart", "t-two"])
    }

    @Test func `a node leads to its own pods by its bridge and to others by their node`() {
        let node = LabPlan(lab: "t", topology: topology).namespaces[1]
        #expect(node.links.contains("route add 10.1.0.1 dev pods src 198.18.0.10"))
        #expect(node.links.contains("route add fd01::101 via fdc5::b dev backbone src fdc5::a"))
        #expect(node.links.contains("route add 10.0.0.2 via 198.18.0.11 dev backbone src 198.18.0.10"))
        #expect(node.links.contains("link add p0 type veth peer name eth0 netns t-shop-web"))
        #expect(node.parameters.contains(.init(name: "net/ipv4/ip_forward", value: "1")))
    }

    @Test func `a pod of one family gets no route of the other`() {
        let lone = LabTopology(pods: [.init(namespace: "a", name: "b", node: "n", addresses: addresses("10.1.0.1"))])
        let pod = LabPlan(lab: "t", topology: lone).namespaces[2]
        #expect(!pod.links.contains { $0.contains("fe80") })
        #expect(pod.links.contains("addr add 10.1.0.1/32 dev eth0"))
    }

    @Test func `a pod knows services by name, those of its own namespace by the short one too`() {
        let plan = LabPlan(lab: "t", topology: topology)
        let line = "10.96.0.1 cart.shop.svc.cluster.local cart.shop.svc cart.shop"
        #expect(plan.hosts(for: topology.pods[0]).hasSuffix("\(line) cart\n"))
        #expect(plan.hosts(for: topology.pods[2]).hasSuffix("\(line)\n"))
    }

    @Test func `a service address leads to each of its pods with the same chance`() throws {
        let address = try #require(Endpoint("10.96.0.1:80"))
        let backends = ["10.1.0.1:8080", "10.1.1.1:8080", "10.1.1.2:8080"].compactMap { Endpoint($0) }
        let rules = ServiceRules(
            routes: [.init(address: address, backends: backends)], localAddresses: addresses("10.1.0.1"))
        let match = "-A LAB_SERVICES -d 10.96.0.1 -p tcp --dport 80"
        #expect(
            rules.text == """
                *nat
                -N LAB_SERVICES
                -A PREROUTING -j LAB_SERVICES
                -A OUTPUT -j LAB_SERVICES
                \(match) -m statistic --mode random --probability 0.3333333333 -j DNAT --to-destination 10.1.0.1:8080
                \(match) -m statistic --mode random --probability 0.5000000000 -j DNAT --to-destination 10.1.1.1:8080
                \(match) -j DNAT --to-destination 10.1.1.2:8080
                -A POSTROUTING -s 10.1.0.1 -d 10.1.0.1 -j MASQUERADE
                COMMIT

                """)
        #expect(ServiceRules(routes: [], localAddresses: []).text.isEmpty)
    }

    @Test func `a topology follows from what the control plane compiles`() throws {
        var ports = PortList()
        var port = Port()
        (port.servicePort, port.targetPort) = (80, 8080)
        ports.ports = [port]
        var pod = Workload()
        (pod.uid, pod.namespace, pod.name, pod.node) = ("k//Pod/shop/cart", "shop", "cart", "one")
        pod.addresses = addresses("10.1.0.1", "fd01::1").map(\.bytes)
        pod.services = ["shop/cart.shop.svc.cluster.local": ports]
        var sick = pod
        (sick.uid, sick.name, sick.status) = ("k//Pod/shop/sick", "sick", .unhealthy)
        sick.addresses = addresses("10.1.0.9").map(\.bytes)
        var stray = pod
        (stray.uid, stray.node) = ("k//Pod/shop/stray", "")
        var service = Service()
        (service.namespace, service.name, service.hostname) = ("shop", "cart", "cart.shop.svc.cluster.local")
        var address = NetworkAddress()
        address.address = try #require(IPAddress("10.96.0.1")).bytes
        service.addresses = [address]
        service.ports = [port]

        let topology = LabTopology(
            [stray, sick, pod].map { Address(.workload($0)) } + [Address(.service(service))])
        #expect(topology.pods.map(\.path) == ["shop/cart", "shop/sick"])
        #expect(
            topology.routes == [
                try .init(
                    address: #require(Endpoint("10.96.0.1:80")), backends: [#require(Endpoint("10.1.0.1:8080"))])
            ])
        #expect(topology.names.first?.addresses == addresses("10.96.0.1"))
    }
}
