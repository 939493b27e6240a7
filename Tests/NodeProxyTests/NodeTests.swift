import Glibc
import Identity
import Mesh
import Policy
import Primitives
import System
import Testing

@testable import NodeProxy

@Suite(.serialized) struct NodeTests {
    @Test func `a call between two pods goes through the tunnel and shows the client's own address`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let accepted = try node.accept(listener)
        let peer = accepted.peer
        #expect(peer.address == node.web.address)
        let server = accepted.take()
        try write("ping", to: client)
        let request = try read(server)
        #expect(request == "ping")
        try write("pong", to: server)
        let answer = try read(client)
        #expect(answer == "pong")
        TCPSocket.shutdownWrite(of: client)
        let end = try read(server)
        #expect(end == "")
        TCPSocket.shutdownWrite(of: server)
        let otherEnd = try read(client)
        #expect(otherEnd == "")
        let log = node.logText
        let lines = log.split(separator: "\n").filter { $0.contains("connection complete") }
        #expect(lines.count == 2, "\(log)")
        let outbound = try #require(lines.first { $0.contains("direction=\"outbound\"") })
        for field in [
            "src.workload=\"web\"", "src.identity=\"spiffe://cluster.local/ns/shop/sa/web\"",
            "dst.addr=10.77.0.2:15008", "dst.hbone_addr=10.77.0.2:8080", "dst.workload=\"cart\"",
            "dst.identity=\"spiffe://cluster.local/ns/shop/sa/cart\"", "bytes_sent=4", "bytes_recv=4",
        ] {
            #expect(outbound.contains(field), "\(field) in \(outbound)")
        }
        let inbound = try #require(lines.first { $0.contains("direction=\"inbound\"") })
        #expect(inbound.contains("src.identity=\"spiffe://cluster.local/ns/shop/sa/web\""), "\(inbound)")
    }

    @Test func `a policy that does not name the caller refuses it and says which`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        node.publish { $0.policies.insert(.onlyLedger) }
        usleep(100_000)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        var isRefused = true
        do {
            try write("ping", to: client)
            isRefused = try read(client) == ""
        } catch {}
        #expect(isRefused, "the connection was neither refused nor closed")
        if try TCPSocket.accept(listener) != nil { Issue.record("the application saw the connection") }
        let log = node.logText
        #expect(log.contains("allow policies exist, but none allowed\" error.policies=\"shop/only-ledger\""), "\(log)")
        node.publish { _ in }
        usleep(100_000)
        let second = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let isAccepted = try eventually { try TCPSocket.accept(listener) } != nil
        #expect(isAccepted, "without the policy the call goes through")
        _ = consume second
    }

    @Test func `an open connection is reset within a second when a policy comes to deny it`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let server = try node.accept(listener).take()
        try write("ping", to: client)
        let request = try read(server)
        #expect(request == "ping")
        let changed = MonotonicClock.now()
        node.publish { $0.policies.insert(.nobody) }
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        #expect(MonotonicClock.now() - changed < .seconds(1))
        #expect(node.logText.contains("connection closed due to policy change: explicitly denied by: shop/nobody"))
    }

    @Test func `all of many open connections are reset when a policy comes to deny them`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        let count = Limits.reevaluationCountPerTurn * 3
        var clients: [HeldSocket] = []
        var servers: [HeldSocket] = []
        for _ in 0..<count {
            clients.append(HeldSocket(try node.web.connect(Endpoint(node.cart.address, port: 8080))))
            guard let accepted = try eventually({ try TCPSocket.accept(listener) }) else { break }
            let server = accepted.take()
            try write("open", to: server)
            servers.append(HeldSocket(server))
        }
        #expect(servers.count == count)
        var open: [HeldSocket] = []
        for client in clients {
            guard let socket = client.take() else { continue }
            let greeting = try read(socket)
            #expect(greeting == "open")
            open.append(HeldSocket(socket))
        }
        let changed = MonotonicClock.now()
        node.publish { $0.policies.insert(.nobody) }
        var resetCount = 0
        for client in open {
            guard let socket = client.take() else { continue }
            do { _ = try read(socket) } catch { if error as? Errno == .connectionReset { resetCount += 1 } }
        }
        #expect(resetCount == count)
        // A second is what it may take; another one is for who reads here.
        #expect(MonotonicClock.now() - changed < .seconds(2))
    }

    @Test func `plaintext from outside the mesh reaches the pod unless a policy asks for an identity`() throws {
        let node = try TestNode()
        // The web pod gives up its capture: its traffic is that of a stranger.
        try run("ip", "netns", "exec", node.web.netnsName, "iptables", "-t", "nat", "-F", "ISTIO_OUTPUT")
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let accepted = try node.accept(listener)
        #expect(accepted.peer.address == node.web.address)
        var match = PolicyMatch()
        match.principals.noneOf = [.presence]
        let strict = AuthorizationPolicy(
            name: "strict", namespace: "shop", scope: .namespace, action: .deny,
            rules: [PolicyRule(clauses: [[match]])])
        node.publish { $0.policies.insert(strict) }
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        let second = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let answer = try? read(second)
        #expect(answer == nil || answer == "")
        #expect(node.logText.contains("explicitly denied by: shop/strict"))
    }
}
