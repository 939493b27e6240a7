import Glibc
import Mesh
import Policy
import Primitives
import System
import Testing

@testable import NodeProxy

/// What a peer's CONNECT to a pod of ours meets, asked by an HTTP/2 that we did not write.
@Suite(.serialized) struct InboundTests {
    /// What a peer asks for, the status that it gets, and what the log says of it, as with a real ztunnel.
    private static let rows: [(request: String, status: Int, reason: String)] = [
        (
            #"{"fields": [[":method","GET"],[":scheme","https"],[":path","/"],[":authority","a"]]}"#, 400,
            "expected CONNECT"
        ),
        (#"{"fields": [[":method","CONNECT"]]}"#, 400, "invalid CONNECT address"),
        (#"{"fields": [[":method","CONNECT"],["host","10.77.0.2:8080"]]}"#, 400, "invalid CONNECT address"),
        (connect("10.77.0.2"), 400, "invalid CONNECT address"),
        (connect("cart"), 400, "invalid CONNECT address"),
        (connect("10.77.0.2:"), 400, "invalid CONNECT address"),
        (connect("10.77.0.2:65536"), 400, "invalid CONNECT address"),
        (connect("10.77.0.2:http"), 400, "invalid CONNECT address"),
        (connect("10.77.0.1:8080"), 400, "ip mismatch: 10.77.0.2 != 10.77.0.1"),
        (connect("10.96.9.9:80"), 400, "ip mismatch: 10.77.0.2 != 10.96.9.9"),
        (connect("127.0.0.1:8080"), 400, "ip mismatch: 10.77.0.2 != 127.0.0.1"),
        (connect("[::ffff:10.77.0.2]:8080"), 400, "ip mismatch"),
        (connect("[fd77::2]:8080"), 400, "ip mismatch: 10.77.0.2 != fd77::2"),
        (connect("169.254.169.254:80"), 400, "ip mismatch"),
        (connect("10.77.0.2:0"), 503, "connection failed"),
        (connect("10.77.0.2:7"), 503, "Connection refused"),
        (connect("10.77.0.2:15000"), 503, "Connection refused"),
        (connect("10.77.0.2:15020"), 503, "Connection refused"),
        (connect("10.77.0.2:15021"), 503, "Connection refused"),
        (connect("10.77.0.2:15053"), 503, "Connection refused"),
        (connect("10.77.0.2:15080"), 503, "Connection refused"),
        (connect("10.77.0.2:15001"), 503, "attempted recursive call to ourselves"),
        (connect("10.77.0.2:15006"), 503, "attempted recursive call to ourselves"),
        (connect("10.77.0.2:15008"), 503, "attempted recursive call to ourselves"),
        (connect("CART.shop.svc.cluster.local:80"), 503, "no service or workload for hostname"),
        (connect("cart.shop.svc.cluster.local.:80"), 503, "no service or workload for hostname"),
        (connect("cart:80"), 503, "no service or workload for hostname: cart"),
        // To a ztunnel what follows a user is a name.
        (connect("u@10.77.0.2:8080"), 503, "no service or workload for hostname: 10.77.0.2"),
        (connect("cart.shop.svc.cluster.local:81"), 503, "cannot resolve port"),
        (connect("hidden.elsewhere.svc.cluster.local:80"), 503, "no service or workload for hostname"),
        (connect("10.77.0.2:8080", data: "finish"), 200, ""),
        (connect("10.77.0.2:08080", data: "finish"), 200, ""),
        (connect("cart.shop.svc.cluster.local:80", data: "finish"), 200, ""),
        (connect("10.77.0.2:8080", ["te": "trailers", "traceparent": String(repeating: "x", count: 55)]), 200, ""),
    ]

    private static let service = Service(
        name: "cart", namespace: "shop", hostname: "cart.shop.svc.cluster.local", ports: [80: 8080])
    private static let hidden = Service(
        name: "hidden", namespace: "elsewhere", hostname: "hidden.elsewhere.svc.cluster.local", ports: [80: 8080],
        visibility: .namespace)

    @Test func `each request gets the status that a ztunnel gives it, and the log says why`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080)
        node.publish {
            $0.insert(Self.service)
            $0.insert(Self.hidden)
        }
        usleep(100_000)
        let answers = try HBONEPeer.answers(
            from: node.web, of: node, to: node.cart.address,
            Self.rows.map { $0.status == 200 ? $0.request.dropLast() + ", \"wait\": 0.2}" : $0.request })
        let log = node.logText
        for (row, answer) in zip(Self.rows, answers) {
            #expect(answer.contains("\"status\": \(row.status)"), "\(row.request): \(answer)")
            if row.status == 200 {
                #expect(
                    answer.contains(
                        #""baggage": "k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,service.name=cart""#),
                    "\(answer)")
            } else {
                #expect(answer.contains("\"fields\": {}") && answer.contains("\"end\": true"), "\(answer)")
                #expect(log.contains(row.reason), "\(row.request): \(row.reason)")
            }
        }
        var count = 0
        while let accepted = try TCPSocket.accept(listener) {
            #expect(accepted.peer.address == node.web.address)
            count += 1
        }
        #expect(count == Self.rows.count { $0.status == 200 }, "nothing that was refused reached the application")
    }

    @Test func `a request that is no CONNECT by the rules of HTTP/2 is reset`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let head = #"{"fields": [[":method","CONNECT"],"#
        let answers = try HBONEPeer.answers(
            from: node.web, of: node, to: node.cart.address,
            [
                head + #"[":authority","10.77.0.2:8080"],[":scheme","https"]]}"#,
                head + #"[":authority","10.77.0.2:8080"],[":path","/"]]}"#,
                connect("10.77.0.2:8080/path"), connect(""), connect("fd77::2:8080"),
                head + #"[":authority","10.77.0.2:8080"],["connection","close"]]}"#,
            ])
        for answer in answers {
            #expect(answer.contains("\"status\": null") && answer.contains("\"reset\": 1}"), "\(answer)")
        }
    }

    @Test func `a request that policy denies is answered 401`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080)
        node.publish { $0.policies.insert(.nobody) }
        usleep(100_000)
        let answers = try HBONEPeer.answers(
            from: node.web, of: node, to: node.cart.address, [connect("10.77.0.2:8080")])
        #expect(answers.first?.contains("\"status\": 401") == true, "\(answers)")
        #expect(node.logText.contains("connection closed due to policy rejection: explicitly denied by: shop/nobody"))
        if try TCPSocket.accept(listener) != nil { Issue.record("the application saw the connection") }
    }

    /// Cart's application takes its connections in one place, behind PROXY headers.
    private static func publishApplicationTunnel(_ node: TestNode) {
        let plain = node.cart.workload
        node.publish {
            $0.insert(
                Workload(
                    uid: plain.uid, name: plain.name, namespace: plain.namespace,
                    serviceAccount: plain.serviceAccount, addresses: plain.addresses, node: plain.node,
                    tunnelProtocol: .hbone, applicationTunnel: .init(usesProxyProtocol: true, port: 15088)))
        }
        usleep(100_000)
    }

    @Test func `an application tunnel is told the client, the destination and the identity in a PROXY header`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(15088, on: IPAddress(v4: 0x7f00_0001))
        Self.publishApplicationTunnel(node)
        let answers = try HBONEPeer.answers(
            from: node.web, of: node, to: node.cart.address,
            [connect("10.96.0.5:80", data: "hello").dropLast() + ", \"wait\": 0.3}"])
        #expect(answers.first?.contains("\"status\": 200") == true, "\(answers)")
        let accepted = try node.accept(listener)
        #expect(accepted.peer.address == IPAddress(v4: 0x7f00_0001))
        let socket = accepted.take()
        var room = [UInt8](repeating: 0, count: 4096)
        var received: [UInt8] = []
        let identity = Array("spiffe://cluster.local/ns/shop/sa/web".utf8)
        let headerCount = 16 + 12 + 3 + identity.count
        for _ in 0..<100 where received.count < headerCount + 5 {
            if case .bytes(let count) = try unsafe room.withUnsafeMutableBytes({ try unsafe socket.read(into: $0) }) {
                received += room[..<count]
            } else {
                usleep(10_000)
            }
        }
        try #require(received.count == headerCount + 5)
        let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x21, 0x11, 0]
        #expect(Array(received[..<15]) == signature)
        #expect(Int(received[15]) == headerCount - 16)
        #expect(Array(received[16..<24]) == [10, 77, 0, 1, 10, 96, 0, 5])
        #expect(Array(received[26..<28]) == [0, 80])
        #expect(Array(received[28..<31]) == [0xd0, 0, UInt8(identity.count)])
        #expect(Array(received[31..<headerCount]) == identity)
        #expect(Array(received[headerCount...]) == Array("hello".utf8))
    }

    @Test(arguments: [true, false])
    func `an application tunnel is reached by loopback, or else from the client's own address`(loopback: Bool) throws {
        var configuration = NodeConfiguration()
        configuration.reachesApplicationTunnelsOnLoopback = loopback
        let node = try TestNode(enrolling: ["cart"], configuration: configuration)
        let own = node.cart.address6
        let listener = try node.cart.listen(15088, on: loopback ? IPAddress(v6High: 0, low: 1) : own)
        Self.publishApplicationTunnel(node)
        let answers = try HBONEPeer.answers(
            from: node.web, of: node, to: own, [connect("[fd77::9]:80").dropLast() + ", \"wait\": 0.3}"])
        #expect(answers.first?.contains("\"status\": 200") == true, "\(answers)")
        let accepted = try node.accept(listener)
        #expect(accepted.peer.address == (loopback ? IPAddress(v6High: 0, low: 1) : node.web.address6))
        // PROXY, TCP over IPv6.
        let socket = accepted.take()
        var head = [UInt8](repeating: 0, count: 14)
        let outcome = try unsafe head.withUnsafeMutableBytes { try unsafe socket.read(into: $0) }
        #expect(outcome == .bytes(14) && head[12...] == [0x21, 0x21])
    }

    @Test func `plaintext to an address that is not the pod's own goes nowhere`() throws {
        let node = try TestNode(enrolling: ["cart"])
        try run("ip", "-n", node.cart.netnsName, "addr", "add", "10.77.0.99/24", "dev", "eth0")
        let other = try #require(IPAddress("10.77.0.99"))
        let listener = try node.cart.listen(8080, on: other)
        let stray = try node.web.connect(Endpoint(other, port: 8080))
        #expect(throws: Errno.connectionReset) { _ = try read(stray) }
        #expect(node.logText.contains("10.77.0.99 is not an address of this pod"))
        if try TCPSocket.accept(listener) != nil { Issue.record("the application saw the connection") }
        let refused = try node.web.connect(Endpoint(node.cart.address, port: 15001))
        #expect(throws: (any Error).self) { if try read(refused) != "" { return } else { throw Errno.connectionReset } }
    }

    @Test func `plaintext to an application that cannot even be dialled is reset`() throws {
        let node = try TestNode(enrolling: ["cart"])
        // In front of the local table, which comes first.
        for rule in [
            ["add", "pref", "10", "lookup", "local"], ["del", "pref", "0"],
            ["add", "pref", "5", "fwmark", "0x539/0xfff", "to", "\(node.cart.address)", "prohibit"],
        ] {
            let result = try ChildProcess.run(["ip", "-n", node.cart.netnsName, "rule"] + rule)
            #expect(result.status == .exited(0))
        }
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        #expect(node.logText.contains("connection failed: Permission denied"), "\(node.logText)")
    }

    @Test func `a client whose address cannot be borrowed is served from the pod's own, and the log says so`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080, on: node.cart.address6)
        // A link-local address means something on its link only.
        try run("ip", "-n", node.web.netnsName, "addr", "add", "fe80::77/64", "dev", "eth0", "nodad")
        let client = try node.web.namespace.perform { () throws(Errno) -> ChildProcess in
            try ChildProcess.spawn(["python3", "-c", Self.linkLocalClient, "\(node.cart.address6)"])
        }
        defer { _ = try? client.stop() }
        let accepted = try node.accept(listener)
        #expect(accepted.peer.address == node.cart.address6)
        let server = accepted.take()
        let heard = try read(server)
        #expect(heard == "hello")
        #expect(node.logText.contains("cannot connect from the client's address"), "\(node.logText)")
    }

    private static let linkLocalClient = """
        import socket, sys, time
        s = socket.socket(socket.AF_INET6)
        s.bind(("fe80::77", 0, 0, socket.if_nametoindex("eth0")))
        s.connect((sys.argv[1], 8080))
        s.sendall(b"hello")
        time.sleep(60)
        """
}
