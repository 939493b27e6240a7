import Glibc
import Mesh
import Policy
import Primitives
import System
import Testing

@testable import NodeProxy

/// What happens to open connections when the mesh changes, and to new ones when pods come and go.
@Suite(.serialized) struct LiveConnectionTests {
    /// Cart's record with what differs from the usual.
    private static func cart(
        _ node: TestNode, trustDomain: String = "cluster.local", policies: [String] = []
    ) -> Workload {
        let workload = node.cart.workload
        return Workload(
            uid: workload.uid, name: workload.name, namespace: workload.namespace,
            serviceAccount: workload.serviceAccount, trustDomain: trustDomain, addresses: workload.addresses,
            node: "n1", tunnelProtocol: .hbone, authorizationPolicies: policies)
    }

    /// Opens a connection from web to cart and one from cart to web, makes the change, and says which of the two
    /// clients were reset within a second, what else came, and what the log says.
    /// - Parameter earlier: a change just before.
    private func change(
        _ node: TestNode, after earlier: ((inout MeshState) -> Void)? = nil, _ change: (inout MeshState) -> Void
    ) throws -> (cart: Bool, web: Bool) {
        let atCart = try node.cart.listen(8080)
        let atWeb = try node.web.listen(8080)
        let toCart = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let toWeb = try node.cart.connect(Endpoint(node.web.address, port: 8080))
        let server = try node.accept(atCart).take()
        let other = try node.accept(atWeb).take()
        try write("cart", to: server)
        try write("web", to: other)
        let answer1 = try read(toCart)
        #expect(answer1 == "cart")
        let answer2 = try read(toWeb)
        #expect(answer2 == "web")
        if let earlier {
            node.publish(earlier)
            usleep(100_000)
        }
        node.publish(change)
        usleep(900_000)
        let isCartReset = Self.isReset(toCart)
        // The application sees it as well.
        let isServerReset = Self.isReset(server)
        #expect(isServerReset == isCartReset)
        return (isCartReset, Self.isReset(toWeb))
    }

    private static func isReset(_ socket: borrowing OwnedDescriptor) -> Bool {
        var room = [UInt8](repeating: 0, count: 16)
        do {
            _ = try unsafe room.withUnsafeMutableBytes { try unsafe socket.read(into: $0) }
            return false
        } catch {
            return error as? Errno == .connectionReset
        }
    }

    @Test func `a policy that the workload comes to name is applied to what is open, and to nothing else`() throws {
        let node = try TestNode()
        let policy = AuthorizationPolicy(
            name: "nobody", namespace: "shop", scope: .workloadSelector, action: .deny, rules: [PolicyRule(clauses: [])]
        )
        node.publish { $0.policies.insert(policy) }
        usleep(100_000)
        let outcome = try change(node) {
            $0.policies.insert(policy)
            $0.insert(Self.cart(node, policies: ["shop/nobody"]))
        }
        #expect(outcome.cart)
        #expect(!outcome.web)
        #expect(node.logText.contains("connection closed due to policy change: explicitly denied by: shop/nobody"))
    }

    /// Istio's control plane and ours tell of the two in separate messages.
    @Test(arguments: [true, false])
    func `a policy that is named a moment before it is told cuts nobody whom it allows`(isTold: Bool) throws {
        let node = try TestNode()
        let policy = AuthorizationPolicy(
            name: "all", namespace: "shop", scope: .workloadSelector, action: .allow, rules: [PolicyRule(clauses: [])])
        let names: (inout MeshState) -> Void = { $0.insert(Self.cart(node, policies: ["shop/all"])) }
        let outcome = try change(node, after: names) {
            names(&$0)
            if isTold { $0.policies.insert(policy) }
        }
        #expect(outcome.cart == !isTold)
        #expect(!outcome.web)
        #expect(node.logText.contains("policy shop/all is not known") == !isTold)
    }

    /// As after the control plane was away: connections wait for the pod's first record, which names what follows it.
    @Test(arguments: [true, false])
    func `who comes between a first record and the policies that it names waits for them`(isTold: Bool) throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080)
        node.publish { $0.removeAddress(named: node.cart.workload.uid) }
        usleep(100_000)
        let plain = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let asking = Asking(node, [connect("10.77.0.2:8080", data: "open")])
        usleep(1_500_000)
        let names: (inout MeshState) -> Void = { $0.insert(Self.cart(node, policies: ["shop/all"])) }
        node.publish(names)
        usleep(200_000)
        let isEarly = try TCPSocket.accept(listener) != nil
        #expect(!isEarly)
        if isTold {
            node.publish {
                names(&$0)
                $0.policies.insert(
                    AuthorizationPolicy(
                        name: "all", namespace: "shop", scope: .workloadSelector, action: .allow,
                        rules: [PolicyRule(clauses: [])]))
            }
            for _ in 0..<2 { try write("served", to: try node.accept(listener).take()) }
        }
        let answers = asking.answers()
        #expect(answers.first?.contains("\"status\": \(isTold ? 200 : 401)") == true, "\(answers)")
        if isTold {
            let heard = try read(plain)
            #expect(heard == "served")
        } else {
            let isReset = Self.isReset(plain)
            #expect(isReset)
        }
        #expect(node.logText.contains("policy shop/all is not known") == !isTold)
    }

    @Test func `a change that does not concern a connection leaves it alone`() throws {
        let node = try TestNode()
        let outcome = try change(node) {
            $0.insert(Self.cart(node))
            $0.insert(Service(name: "a", namespace: "b", hostname: "a.b", ports: [1: 2]))
            $0.policies.insert(
                AuthorizationPolicy(
                    name: "elsewhere", namespace: "other", scope: .namespace, action: .deny,
                    rules: [PolicyRule(clauses: [])]))
        }
        #expect(!outcome.cart && !outcome.web)
    }

    @Test func `connections of a workload that leaves the mesh are reset in both directions`() throws {
        let node = try TestNode()
        let outcome = try change(node) { $0.removeAddress(named: node.cart.workload.uid) }
        #expect(outcome.cart)
        #expect(outcome.web)
        #expect(node.logText.contains("connection closed: the workload was removed from the mesh"))
    }

    @Test func `connections of a workload whose identity changes are reset, and new ones are served`() throws {
        let node = try TestNode()
        let outcome = try change(node) { $0.insert(Self.cart(node, trustDomain: "example.org")) }
        #expect(outcome.cart)
        #expect(outcome.web)
        #expect(node.logText.contains("connection closed: the workload's identity changed"))
    }

    @Test func `a peer sees the stream of a connection that policy comes to deny reset`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080)
        let requests = [connect("10.77.0.2:8080", data: "open")]
        let asking = Asking(node, requests)
        let server = try node.accept(listener).take()
        let answer3 = try read(server)
        #expect(answer3 == "open")
        node.publish { $0.policies.insert(.nobody) }
        #expect(throws: Errno.connectionReset) { _ = try read(server) }
        let answers = asking.answers()
        #expect(answers.first?.contains("\"status\": 200") == true, "\(answers)")
        #expect(answers.first?.contains("\"end\": false, \"reset\": 8") == true, "\(answers)")
    }

    @Test func `the answer to an enrolment means that the next connection is served, every time`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        for round in 0..<20 {
            try node.unenrol(node.cart)
            try node.enrol(node.cart)
            let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
            let server = try node.accept(listener).take()
            try write("round \(round)", to: server)
            let answer4 = try read(client)
            #expect(answer4 == "round \(round)")
            // The client's own pod comes and goes as well.
            try node.unenrol(node.web)
            try node.enrol(node.web)
        }
    }

    @Test func `a waypoint that comes and goes takes new connections, and leaves those that are open`() throws {
        let node = try TestNode(others: ["waypoint"])
        let pod = try node.pod("waypoint")
        let waypoint = try HBONEPeer.server(in: pod, of: node)
        let listener = try node.cart.listen(8080)
        let vip = Endpoint(IPAddress(v4: 0x0a60_0005), port: 80)
        let hostname = "cart.shop.svc.cluster.local"
        func publish(_ gateway: GatewayAddress?) {
            node.publish {
                $0.insert(
                    Service(
                        name: "cart", namespace: "shop", hostname: hostname,
                        addresses: [NetworkAddress(network: "", address: vip.address)], ports: [80: 8080],
                        waypoint: gateway))
                $0.insert(
                    Workload(
                        uid: node.cart.workload.uid, name: "cart", namespace: "shop", serviceAccount: "cart",
                        addresses: [node.cart.address], node: "n1", tunnelProtocol: .hbone,
                        services: [.init(NamespacedHostname(namespace: "shop", hostname: hostname), ports: [:])]))
            }
            usleep(100_000)
        }
        func exchange(_ text: String, _ client: borrowing OwnedDescriptor, _ server: borrowing OwnedDescriptor) throws {
            try write(text, to: client)
            let heard = try read(server)
            #expect(heard == text)
        }
        publish(nil)
        let direct = try node.web.connect(vip)
        let server = try node.accept(listener).take()
        try exchange("before", direct, server)
        publish(.address(NetworkAddress(network: "", address: pod.address), port: 15008))
        // The waypoint sends back what it gets.
        let through = try node.web.connect(vip)
        try exchange("by the waypoint", through, through)
        try exchange("still direct", direct, server)
        publish(nil)
        let again = try node.web.connect(vip)
        let other = try node.accept(listener).take()
        try exchange("after", again, other)
        try exchange("still by the waypoint", through, through)
        #expect(waypoint.count(of: "request") == 1)
    }

    @Test func `a pod sees a caller's IPv6 address, and may call itself`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080, on: node.cart.address6)
        let client = try node.web.connect(Endpoint(node.cart.address6, port: 8080))
        let accepted = try node.accept(listener)
        #expect(accepted.peer.address == node.web.address6)
        try write("six", to: client)
        let server = accepted.take()
        let answer5 = try read(server)
        #expect(answer5 == "six")
        #expect(node.logText.contains("dst.hbone_addr=[fd77::2]:8080"))
        let hostname = "cart.shop.svc.cluster.local"
        let vip = IPAddress(v4: 0x0a60_0005)
        node.publish {
            $0.insert(
                Service(
                    name: "cart", namespace: "shop", hostname: hostname,
                    addresses: [NetworkAddress(network: "", address: vip)], ports: [80: 8080]))
            $0.insert(
                Workload(
                    uid: node.cart.workload.uid, name: "cart", namespace: "shop", serviceAccount: "cart",
                    addresses: [node.cart.address], node: "n1", tunnelProtocol: .hbone,
                    services: [.init(NamespacedHostname(namespace: "shop", hostname: hostname), ports: [:])]))
        }
        usleep(100_000)
        let own = try node.cart.listen(8080)
        let itself = try node.cart.connect(Endpoint(vip, port: 80))
        let hairpin = try node.accept(own)
        #expect(hairpin.peer.address == node.cart.address)
        try write("self", to: itself)
        let answering = hairpin.take()
        let answer6 = try read(answering)
        #expect(answer6 == "self")
        // By its own address the pod never leaves itself.
        let direct = try node.cart.connect(Endpoint(node.cart.address, port: 8080))
        let local = try node.accept(own)
        #expect(local.peer.address == node.cart.address)
        withExtendedLifetime(direct) {}
    }
}
