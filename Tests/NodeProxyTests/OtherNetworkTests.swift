import Glibc
import Identity
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// Calls to and from workloads of other networks, by way of a gateway that we did not write.
@Suite(.serialized) struct OtherNetworkTests {
    static let vip = Endpoint(IPAddress(v4: 0x0a60_0005), port: 80)
    private static let hostname = "cart.shop.svc.cluster.local"

    /// Cart lies in the network `far`, behind the pod `gateway`.
    static func publish(_ node: TestNode, vouched: [String]? = nil, gatewayName: String = "") throws {
        let gateway = try node.pod("gateway")
        let cart = node.cart.workload
        node.publish {
            $0.insert(
                Service(
                    name: "cart", namespace: "shop", hostname: hostname,
                    addresses: [NetworkAddress(network: "", address: vip.address)], ports: [80: 8080],
                    subjectAltNames: vouched ?? [cart.identity.description]))
            $0.insert(
                Workload(
                    uid: gateway.workload.uid, name: "gateway", namespace: "shop", serviceAccount: "gateway",
                    network: "far", addresses: gatewayName.isEmpty ? [gateway.address] : [], hostname: gatewayName,
                    tunnelProtocol: .hbone))
            $0.insert(
                Workload(
                    uid: cart.uid, name: "cart", namespace: "shop", serviceAccount: "cart", network: "far",
                    addresses: [node.cart.address], node: "n1", canonicalName: "cart", tunnelProtocol: .hbone,
                    networkGateway: gatewayName.isEmpty
                        ? .address(NetworkAddress(network: "far", address: gateway.address), port: 15008)
                        : .hostname(NamespacedHostname(namespace: "shop", hostname: gatewayName), port: 15008),
                    services: [.init(NamespacedHostname(namespace: "shop", hostname: hostname), ports: [:])]))
        }
        usleep(100_000)
    }

    @Test func `a service of another network is reached by a tunnel within a tunnel`() throws {
        var configuration = NodeConfiguration()
        configuration.network = "Near"
        let node = try TestNode(enrolling: ["web"], others: ["gateway"], configuration: configuration)
        let gateway = try HBONEPeer.server(
            in: node.pod("gateway"), of: node, accounts: ["gateway", "cart"], options: #"{"within": "cart"}"#)
        try Self.publish(node)
        let client = try node.web.connect(Self.vip)
        try write("over two tunnels", to: client)
        let answer = try read(client)
        #expect(answer == "over two tunnels", "\(node.logText) \(gateway.lines)")
        let requests = gateway.lines.filter { $0.contains("\"request\"") }
        try #require(requests.count == 2)
        for request in requests {
            #expect(request.contains("\":authority\": \"\(Self.hostname):80\""))
            #expect(request.contains(";host=\(Self.hostname)"))
            #expect(request.contains("service.name=web"))
        }
        #expect(!requests[0].contains("x-forwarded-network"))
        #expect(requests[1].contains("\"x-forwarded-network\": \"Near\""))
        #expect(gateway.lines.contains { $0.contains("connected within") && $0.contains("ns/shop/sa/web") })
        // In order, both within and without; the gateway's tunnel stays for the next.
        TCPSocket.shutdownWrite(of: client)
        let end = try read(client)
        #expect(end == "")
        #expect(try gateway.event { $0.contains("\"goaway\", \"code\": 0") } != nil, "\(gateway.lines)")
        #expect(try gateway.event { $0.contains("\"event\": \"reset\", \"stream\": 1, \"code\": 8") } != nil)
        let line = node.logText.split(separator: "\n").first { $0.contains("connection complete") } ?? ""
        for field in [
            "dst.addr=10.77.0.3:15008", "dst.hbone_addr=\(Self.hostname):80",
            "dst.identity=\"spiffe://cluster.local/ns/shop/sa/cart\"", "bytes_sent=16", "bytes_recv=16",
        ] { #expect(line.contains(field), "\(field): \(line)") }
        #expect(!line.contains("error="))
        let second = try node.web.connect(Self.vip)
        try write("again", to: second)
        let again = try read(second)
        #expect(again == "again")
        #expect(gateway.count(of: "connected") == 1)
        // A reset crosses both tunnels.
        try write("reset", to: second)
        #expect(throws: Errno.connectionReset) { _ = try read(second) }
    }

    @Test func `what the gateway carries to a node of ours is served there`() throws {
        let node = try TestNode(enrolling: ["web", "cart"], others: ["gateway"])
        let gateway = try HBONEPeer.server(
            in: node.pod("gateway"), of: node, options: #"{"forward": "10.77.0.2:15008"}"#)
        try Self.publish(node)
        let listener = try node.cart.listen(8080)
        for round in 0..<3 {
            let client = try node.web.connect(Self.vip)
            let server = try node.accept(listener).take()
            let text = String(repeating: "round \(round) ", count: 2000)
            let isSent = sendAll(Array(text.utf8), to: client)
            #expect(isSent)
            var received = ""
            while received.utf8.count < text.utf8.count, let piece = try read(server), !piece.isEmpty {
                received += piece
            }
            #expect(received == text)
            try write("done", to: server)
            let answer = try read(client)
            #expect(answer == "done")
        }
        #expect(gateway.count(of: "connected") == 1)
    }

    @Test func `a gateway that has a name only is looked up and reached`() throws {
        let address = IPAddress(v4: 0x7f4e_0001 + UInt32.random(in: 0..<250) << 8).description
        let file = try ResolverFile("nameserver \(address)", "options timeout:1 attempts:0")
        let server = try NameServer(on: [address], in: nil, names: ["gate.example.com=10.77.0.3"])
        let node = try TestNode(enrolling: ["web"], others: ["gateway"], configuration: file.configuration)
        let gateway = try HBONEPeer.server(
            in: node.pod("gateway"), of: node, accounts: ["gateway", "cart"], options: #"{"within": "cart"}"#)
        try Self.publish(node, gatewayName: "gate.example.com")
        let client = try node.web.connect(Self.vip)
        try write("by name", to: client)
        let answer = try read(client)
        #expect(answer == "by name", "\(node.logText) \(gateway.lines)")
        #expect(server.questionCount("gate.example.com") > 0)
    }

    @Test func `a peer within that the service does not vouch for is refused`() throws {
        for (vouched, reason) in [([], "(none)"), (["spiffe://cluster.local/ns/shop/sa/other"], "sa/other")] {
            let node = try TestNode(enrolling: ["web"], others: ["gateway"])
            let gateway = try HBONEPeer.server(
                in: node.pod("gateway"), of: node, accounts: ["gateway", "cart"], options: #"{"within": "cart"}"#)
            try Self.publish(node, vouched: vouched)
            let client = try node.web.connect(Self.vip)
            #expect(throws: Errno.connectionReset) { _ = try read(client) }
            let log = node.logText
            #expect(log.contains("within the network gateway's tunnel: TLS handshake failed"), "\(log)")
            #expect(log.contains(reason), "\(log)")
            #expect(gateway.lines.count { $0.contains("\"request\"") } == 1, "only the outer one")
        }
    }

    @Test func `a gateway that refuses fails the connection, and the log says so`() throws {
        let node = try TestNode(enrolling: ["web"], others: ["gateway"])
        let gateway = try HBONEPeer.server(in: node.pod("gateway"), of: node, options: #"{"status": 503}"#)
        try Self.publish(node)
        let client = try node.web.connect(Self.vip)
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        #expect(node.logText.contains("error=\"network gateway: http status 503\""), "\(node.logText)")
        withExtendedLifetime(gateway) {}
    }

    @Test func `without a healthy endpoint in its own network a client's calls go to another one`() throws {
        let node = try TestNode(enrolling: ["web"], others: ["gateway", "spare"])
        let (near, far) = (try node.pod("spare"), try node.pod("gateway"))
        let local = try HBONEPeer.server(in: near, of: node)
        let gateway = try HBONEPeer.server(
            in: far, of: node, accounts: ["gateway", "cart"], options: #"{"within": "cart"}"#)
        let key = NamespacedHostname(namespace: "shop", hostname: Self.hostname)
        func publish(_ status: Workload.Status) {
            node.publish {
                $0.insert(
                    Service(
                        name: "cart", namespace: "shop", hostname: Self.hostname,
                        addresses: [NetworkAddress(network: "", address: Self.vip.address)], ports: [80: 8080],
                        subjectAltNames: [node.cart.workload.identity.description],
                        loadBalancing: LoadBalancing(mode: .failover, preferences: [.network])))
                $0.insert(
                    Workload(
                        uid: far.workload.uid, name: "gateway", namespace: "shop", serviceAccount: "gateway",
                        network: "far", addresses: [far.address], tunnelProtocol: .hbone))
                $0.insert(
                    Workload(
                        uid: "far/SplitHorizonWorkload/cart", name: "cart", namespace: "shop", network: "far",
                        tunnelProtocol: .hbone, capacity: 9,
                        networkGateway: .address(NetworkAddress(network: "far", address: far.address), port: 15008),
                        services: [.init(key, ports: [:])]))
                $0.insert(
                    Workload(
                        uid: near.workload.uid, name: "spare", namespace: "shop", serviceAccount: "spare",
                        addresses: [near.address], tunnelProtocol: .hbone, status: status,
                        services: [.init(key, ports: [:])]))
            }
            usleep(100_000)
        }
        for (status, requests) in [(Workload.Status.healthy, (1, 0)), (.unhealthy, (1, 2)), (.healthy, (2, 2))] {
            publish(status)
            let client = try node.web.connect(Self.vip)
            try write("hello", to: client)
            let answer = try read(client)
            #expect(answer == "hello", "\(node.logText)")
            #expect(local.count(of: "request") == requests.0)
            #expect(gateway.count(of: "request") == requests.1)
        }
    }

    @Test func `a caller of another network is known by what its node says of it`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080)
        let baggage = "k8s.cluster.name=far,k8s.namespace.name=garden,k8s.deployment.name=caller"
        let answers = try HBONEPeer.answers(
            from: node.web, of: node, to: node.cart.address,
            [
                connect("10.77.0.2:8080", ["x-forwarded-network": "elsewhere", "baggage": baggage]).dropLast()
                    + ", \"wait\": 0.2}",
                connect("10.77.0.2:8080", ["x-forwarded-network": "", "baggage": baggage]).dropLast()
                    + ", \"wait\": 0.2}",
            ])
        #expect(answers.allSatisfy { $0.contains("\"status\": 200") })
        let lines = node.logText.split(separator: "\n").filter { $0.contains("connection complete") }
        try #require(lines.count == 2)
        #expect(lines.contains { $0.contains("src.workload=\"caller\" src.namespace=\"garden\"") })
        #expect(lines.contains { $0.contains("src.workload=\"web\" src.namespace=\"shop\"") })
        withExtendedLifetime(listener) {}
    }
}
