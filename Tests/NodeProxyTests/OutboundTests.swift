import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// Where a pod's connections go, and what becomes of those that do not get there at once.
@Suite(.serialized) struct OutboundTests {
    static let vip = Endpoint(IPAddress(v4: 0x0a60_0005), port: 80)

    static func service(
        waypoint: GatewayAddress? = nil, balancing: LoadBalancing? = nil, address: IPAddress = vip.address
    ) -> Service {
        Service(
            name: "cart", namespace: "shop", hostname: "cart.shop.svc.cluster.local",
            addresses: [NetworkAddress(network: "", address: address)], ports: [80: 8080], waypoint: waypoint,
            loadBalancing: balancing)
    }

    /// The pod as an endpoint of the service.
    static func endpoint(
        _ pod: TestPod, status: Workload.Status = .healthy, tunnel: Workload.TunnelProtocol = .hbone,
        addresses: [IPAddress]? = nil
    ) -> Workload {
        let workload = pod.workload
        return Workload(
            uid: workload.uid, name: workload.name, namespace: workload.namespace,
            serviceAccount: workload.serviceAccount, addresses: addresses ?? workload.addresses, node: "n1",
            tunnelProtocol: tunnel, status: status,
            services: [
                .init(NamespacedHostname(namespace: "shop", hostname: "cart.shop.svc.cluster.local"), ports: [:])
            ])
    }

    /// Connects so many times one after another and returns how many reached the application behind the listener.
    private func reached(
        _ listener: borrowing OwnedDescriptor, from pod: TestPod, _ destination: Endpoint, times: Int
    ) throws -> Int {
        var count = 0
        for _ in 0..<times {
            let client = try pod.connect(destination)
            guard let accepted = try eventually({ try TCPSocket.accept(listener) }) else { break }
            let server = accepted.take()
            try write("served", to: server)
            if try read(client) == "served" { count += 1 }
        }
        return count
    }

    @Test func `a connection whose endpoint does not answer is taken to another endpoint of the service`() throws {
        let node = try TestNode(enrolling: ["web", "cart", "spare"], others: ["spare", "gone"])
        // cart has no application, gone is on no network.
        let spare = try node.pod("spare")
        let listener = try spare.listen(8080)
        let gone = try node.pod("gone")
        let nowhere = IPAddress(v4: 0x0a4d_0063)
        node.publish {
            $0.insert(Self.service())
            $0.insert(Self.endpoint(node.cart))
            $0.insert(Self.endpoint(spare))
            $0.insert(Self.endpoint(gone, addresses: [nowhere]))
        }
        usleep(100_000)
        let count = try reached(listener, from: node.web, Self.vip, times: 12)
        #expect(count == 12, "\(node.logText)")
        let log = node.logText
        #expect(log.contains("attempt failed, trying again"))
        #expect(log.contains("error=\"http status 503\""))
        #expect(!log.split(separator: "\n").contains { $0.contains("outbound") && $0.contains("error access") })
    }

    @Test func `when no endpoint answers the connection fails once, and the log says why`() throws {
        let node = try TestNode()
        node.publish {
            $0.insert(Self.service())
            $0.insert(Self.endpoint(node.cart))
        }
        usleep(100_000)
        let client = try node.web.connect(Self.vip)
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        let lines = node.logText.split(separator: "\n").filter {
            $0.contains("direction=\"outbound\"") && $0.contains("error=\"http status 503\"")
        }
        #expect(lines.count == 1)
    }

    @Test func `an endpoint outside the tunnel is dialled in plain, and another one when it does not answer`() throws {
        let node = try TestNode(enrolling: ["web"], others: ["plain"])
        let plain = try node.pod("plain")
        let listener = try plain.listen(8080)
        node.publish {
            $0.insert(Self.service())
            $0.insert(Self.endpoint(plain, tunnel: .none))
            $0.insert(Self.endpoint(node.cart, tunnel: .none))
        }
        usleep(100_000)
        let count = try reached(listener, from: node.web, Self.vip, times: 8)
        #expect(count == 8)
        let log = node.logText
        #expect(log.contains("dst.addr=10.77.0.3:8080"), "\(log)")
        #expect(!log.contains("dst.hbone_addr=10.77.0.3"))
    }

    @Test func `a terminating endpoint is chosen by nobody, and one out of the mesh passes through`() throws {
        let node = try TestNode(others: ["plain"])
        let plain = try node.pod("plain")
        let listener = try node.cart.listen(8080)
        let other = try plain.listen(8080)
        node.publish {
            $0.insert(Self.service())
            $0.insert(Self.endpoint(node.cart))
            $0.insert(Self.endpoint(plain, status: .unhealthy))
        }
        usleep(100_000)
        let count5 = try reached(listener, from: node.web, Self.vip, times: 10)
        #expect(count5 == 10)
        node.publish { $0.removeAddress(named: plain.workload.uid) }
        usleep(100_000)
        let count6 = try reached(other, from: node.web, Endpoint(plain.address, port: 8080), times: 1)
        #expect(count6 == 1)
        #expect(node.logText.contains("dst.addr=10.77.0.3:8080 direction=\"outbound\""), "\(node.logText)")
    }

    @Test func `a waypoint is asked for the address that the client dialled, and serves its own calls directly`() throws
    {
        let node = try TestNode(enrolling: ["web", "cart", "waypoint"], others: ["waypoint", "peer"])
        let peer = try node.pod("peer")
        let waypoint = try HBONEPeer.server(in: peer, of: node)
        let gateway = GatewayAddress.address(NetworkAddress(network: "", address: peer.address), port: 15008)
        node.publish {
            $0.insert(Self.service(waypoint: gateway))
            $0.insert(Self.endpoint(node.cart))
        }
        usleep(100_000)
        let client = try node.web.connect(Self.vip)
        try write("through the waypoint", to: client)
        let answer1 = try read(client)
        #expect(answer1 == "through the waypoint")
        let request = try #require(try waypoint.event { $0.contains("\"request\"") })
        #expect(request.contains("\":authority\": \"10.96.0.5:80\""))
        #expect(request.contains(";host=cart.shop.svc.cluster.local"), "\(request)")
        #expect(
            request.contains("\"baggage\": \"k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,service.name=web\""))
        #expect(request.contains("\"traceparent\": \"00-"))
        #expect(try waypoint.event { $0.contains("\"connected\"") }?.contains("ns/shop/sa/web") == true)
        // The workload is behind the waypoint, unless the waypoint itself calls.
        let own = try node.pod("waypoint")
        let listener = try node.cart.listen(8080)
        node.publish {
            $0.insert(
                Workload(
                    uid: node.cart.workload.uid, name: "cart", namespace: "shop", serviceAccount: "cart",
                    addresses: [node.cart.address], node: "n1", tunnelProtocol: .hbone,
                    waypoint: .address(NetworkAddress(network: "", address: own.address), port: 15008)))
        }
        usleep(100_000)
        let count7 = try reached(listener, from: own, Endpoint(node.cart.address, port: 8080), times: 1)
        #expect(count7 == 1)
    }

    @Test func `a peer's bound on streams, its refusals, its GOAWAY and its loss cost no connection`() throws {
        for options in [#"{"streams": 2}"#, #"{"refuse": 2}"#, #"{"leave": 2}"#, #"{"drop": 1}"#, #"{"drop": 2}"#] {
            let node = try TestNode(enrolling: ["web"])
            let peer = try HBONEPeer.server(in: node.cart, of: node, options: options)
            let clients = try (0..<5).map { _ in
                HeldSocket(try node.web.connect(Endpoint(node.cart.address, port: 8080)))
            }
            for (number, client) in clients.enumerated() {
                guard let socket = client.take() else { continue }
                try write("number \(number)", to: socket)
                let answer = try? read(socket)
                #expect(answer == "number \(number)", "\(options): \(peer.lines) \(node.logText)")
            }
        }
    }

    @Test func `resets cross the tunnel as resets in both directions, and ends as ends`() throws {
        let node = try TestNode(enrolling: ["web"])
        let peer = try HBONEPeer.server(in: node.cart, of: node)
        let destination = Endpoint(node.cart.address, port: 8080)
        let reset = try node.web.connect(destination)
        try write("reset", to: reset)
        #expect(throws: Errno.connectionReset) { _ = try read(reset) }
        let ended = try node.web.connect(destination)
        try write("finish", to: ended)
        let answer2 = try read(ended)
        #expect(answer2 == "")
        do {
            let resetting = try node.web.connect(destination)
            try write("hello", to: resetting)
            let answer3 = try read(resetting)
            #expect(answer3 == "hello")
            TCPSocket.resetOnClose(resetting)
        }
        // CONNECT_ERROR: the TCP connection was reset (RFC 9113 7).
        #expect(
            try peer.event { $0.contains("\"event\": \"reset\"") }?.contains("\"code\": 10") == true, "\(peer.lines)")
        let ending = try node.web.connect(destination)
        TCPSocket.shutdownWrite(of: ending)
        #expect(try peer.event { $0.contains("\"end\"") } != nil)
        let answer4 = try read(ending)
        #expect(answer4 == "")
        #expect(peer.count(of: "reset") == 1)
    }

    @Test func `a waypoint that does not answer gives way to another one of its service`() throws {
        let node = try TestNode(enrolling: ["web"], others: ["peer", "gone"])
        let peer = try node.pod("peer")
        let gone = try node.pod("gone")
        let waypoint = try HBONEPeer.server(in: peer, of: node)
        let key = NamespacedHostname(namespace: "shop", hostname: "waypoint.shop.svc.cluster.local")
        node.publish {
            $0.insert(Self.service(waypoint: .hostname(key, port: 15008)))
            $0.insert(
                Service(name: "waypoint", namespace: "shop", hostname: key.hostname, ports: [15008: 15008]))
            for pod in [peer, gone] {
                $0.insert(
                    Workload(
                        uid: pod.workload.uid, name: pod.workload.name, namespace: "shop",
                        serviceAccount: pod.workload.serviceAccount, addresses: [pod.address],
                        tunnelProtocol: .hbone, services: [.init(key, ports: [:])]))
            }
        }
        usleep(100_000)
        for number in 0..<10 {
            let client = try node.web.connect(Self.vip)
            try write("number \(number)", to: client)
            let answer = try read(client)
            #expect(answer == "number \(number)")
        }
        #expect(node.logText.contains("attempt failed, trying again"))
        #expect(waypoint.count(of: "connected") == 1)
    }

    /// Whether the other is known by its identity, or shares that and is another all the same.
    @Test(arguments: ["other", "cart"])
    func `an address that was given to another pod never receives the first one's traffic`(account: String) throws {
        let node = try TestNode(enrolling: ["web"])
        let first = try HBONEPeer.server(in: node.cart, of: node)
        let destination = Endpoint(node.cart.address, port: 8080)
        let client = try node.converse("first", with: destination)
        // Another workload at the same address: the tunnel to the first one is not used, though it is open.
        let cart = node.cart.workload
        node.publish {
            $0.insert(
                Workload(
                    uid: cart.uid, name: "cart", namespace: "shop", serviceAccount: "cart",
                    addresses: [IPAddress(v4: 0x0a4d_0063)], node: "n1", tunnelProtocol: .hbone))
            $0.insert(
                Workload(
                    uid: "Kubernetes//Pod/shop/other", name: "other", namespace: "shop", serviceAccount: account,
                    addresses: cart.addresses, node: "n1", tunnelProtocol: .hbone))
        }
        usleep(100_000)
        let second = try node.web.connect(destination)
        if account == "cart" {
            try write("second", to: second)
            #expect(try read(second) == "second")
            #expect(first.count(of: "connected") == 2, "a tunnel that was made for the first")
        } else {
            #expect(throws: Errno.connectionReset) { _ = try read(second) }
            #expect(first.count(of: "request") == 1)
            #expect(node.logText.contains("is not among the expected"), "\(node.logText)")
        }
        try write("still the first's", to: client)
        #expect(try read(client) == "still the first's")
    }

    @Test func `tunnels to workloads that leave the mesh close at once, or after what they still carry`() throws {
        let node = try TestNode(enrolling: ["web"], others: ["spare"])
        let spare = try node.pod("spare")
        let carrying = try HBONEPeer.server(in: node.cart, of: node)
        let idle = try HBONEPeer.server(in: spare, of: node)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let brief = try node.web.connect(Endpoint(spare.address, port: 8080))
        try write("hello", to: client)
        try write("hello", to: brief)
        let (first, second) = (try read(client), try read(brief))
        #expect(first == "hello" && second == "hello")
        TCPSocket.shutdownWrite(of: brief)
        #expect(try idle.event { $0.contains("\"end\"") } != nil)
        node.publish {
            for pod in [node.cart, spare] { $0.removeAddress(named: pod.workload.uid) }
        }
        #expect(try idle.event { $0.contains("\"goaway\", \"code\": 0") } != nil, "\(idle.lines)")
        #expect(try idle.event { $0.contains("\"closed\"") } != nil, "\(idle.lines)")
        try write("still there", to: client)
        let other = try read(client)
        #expect(other == "still there")
        TCPSocket.shutdownWrite(of: client)
        #expect(try carrying.event { $0.contains("\"goaway\", \"code\": 0") } != nil, "\(carrying.lines)")
    }

    /// A workload at the address of cart that takes no tunnels.
    private static func plain(_ name: String, of node: TestNode) -> Workload {
        Workload(
            uid: "Kubernetes//Pod/shop/\(name)", name: name, namespace: "shop", serviceAccount: name,
            addresses: node.cart.workload.addresses, node: "n1", tunnelProtocol: .none)
    }

    /// Loses what comes for this port from elsewhere (`-I`), or no more (`-D`).
    private func lose(_ port: Int, of pod: TestPod, _ action: String) throws {
        try run([
            "ip", "netns", "exec", pod.netnsName, "iptables", "-w", "-t", "raw", action, "PREROUTING", "-p", "tcp",
            "--dport", "\(port)", "!", "-i", "lo", "-j", "DROP",
        ])
    }

    /// Whether it was nobody's before, or that of a workload outside the mesh.
    @Test(arguments: [true, false])
    func `an address that becomes a workload's while it is dialled gets nothing in plaintext`(wasNobodys: Bool) throws {
        let node = try TestNode(enrolling: ["web"])
        let uid = node.cart.workload.uid
        let destination = Endpoint(node.cart.address, port: 8080)
        let listener = try node.cart.listen(8080)
        let before: (inout MeshState) -> Void = {
            $0.removeAddress(named: uid)
            guard !wasNobodys else { return }
            $0.insert(Self.plain("old", of: node))
        }
        node.publish(before)
        try lose(8080, of: node.cart, "-I")
        let client = try node.web.connect(destination)
        try write("for whoever had the address", to: client)
        usleep(300_000)
        node.publish { _ in }
        try lose(8080, of: node.cart, "-D")
        // The kernel asks again a second after it has asked in vain.
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        #expect(node.logText.contains("has become another workload's while it was dialled"))
        let reached = try node.accept(listener).take()
        #expect(throws: Errno.connectionReset) { _ = try read(reached) }
        // The innocent twin: it stays whose it was.
        node.publish(before)
        usleep(100_000)
        let plain = try node.web.connect(destination)
        try write("outside", to: plain)
        let outside = try node.accept(listener).take()
        #expect(try read(outside) == "outside")
    }

    @Test func `a workload that comes to take tunnels while it is dialled in plaintext is called by one`() throws {
        let node = try TestNode()
        let destination = Endpoint(node.cart.address, port: 8080)
        let listener = try node.cart.listen(8080)
        node.publish { $0.insert(Self.plain("cart", of: node)) }
        try lose(8080, of: node.cart, "-I")
        let client = try node.web.connect(destination)
        try write("to cart", to: client)
        usleep(300_000)
        node.publish { _ in }
        try lose(8080, of: node.cart, "-D")
        // The kernel asks again a second after it has asked in vain; this attempt is given up.
        let former = try node.accept(listener).take()
        #expect(throws: Errno.connectionReset) { _ = try read(former) }
        let reached = try node.accept(listener).take()
        #expect(try read(reached) == "to cart")
        let log = node.logText
        #expect(log.contains("the workload has come to be called another way while it was dialled"))
        #expect(log.contains("src.identity=\"spiffe://cluster.local/ns/shop/sa/web\""), "\(log)")
    }

    @Test func `what was meant for a workload whose tunnel failed goes in plaintext to nobody`() throws {
        let node = try TestNode(enrolling: ["web"])
        let listener = try node.cart.listen(8080)
        try lose(15008, of: node.cart, "-I")
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        try write("for cart", to: client)
        usleep(300_000)
        node.publish { $0.removeAddress(named: node.cart.workload.uid) }
        // The kernel asks again a second after it has asked in vain, and is refused.
        try lose(15008, of: node.cart, "-D")
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        if try TCPSocket.accept(listener) != nil { Issue.record("it was dialled in plaintext") }
    }
}
