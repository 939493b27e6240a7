import Glibc
import Primitives
import System
import Testing

@testable import NodeProxy

/// A pod that has as many connections as it may have.
@Suite(.serialized) struct CrowdedPodTests {
    private static let isCrowded = "too many connections of this pod at once"

    /// A node on which each pod may have so many connections.
    private func node(_ enrolled: Set<String>, others: [String] = [], countMax: Int) throws -> TestNode {
        var configuration = NodeConfiguration()
        configuration.isSOCKS5Enabled = true
        // Connections are handed from one to the other.
        configuration.workerCount = 2
        configuration.podConnectionCountMax = countMax
        return try TestNode(enrolling: enrolled, others: others, configuration: configuration)
    }

    private func lines(_ node: TestNode, _ reason: String = isCrowded) -> [Substring] {
        node.logText.split(separator: "\n").filter { $0.contains(reason) }
    }

    private func refusedCount(_ node: TestNode, _ reporter: Substring) throws -> Double? {
        try node.scrape().sum("culvert_connections_refused_total", ["reporter": reporter])
    }

    @Test func `what a pod opens beyond its bound is reset, told once, and served when there is room again`() throws {
        let node = try node(["web"], countMax: 4)
        let peer = try HBONEPeer.server(in: node.cart, of: node, options: #"{"status": 0}"#)
        let destination = Endpoint(node.cart.address, port: 8080)
        for round in 1...3 {
            var waiting = try (0..<4).map { _ in Client(try node.web.connect(destination)) }
            #expect(try eventually { peer.count(of: "request") == 4 * round ? true : nil } != nil)
            for _ in 0..<2 {
                let refused = try node.web.connect(destination)
                #expect(throws: Errno.connectionReset) { _ = try read(refused) }
            }
            let told = lines(node)
            #expect(told.count == round && told.allSatisfy { $0.contains("src.addr=10.77.0.1:") }, "\(told)")
            #expect(try refusedCount(node, "source") == Double(2 * round))
            for client in waiting { TCPSocket.resetOnClose(client.socket) }
            waiting = []
            let hasEnded = try eventually {
                try node.scrape().sum("istio_tcp_sockets_open", ["reporter": "source"]) == 0 ? true : nil
            }
            #expect(hasEnded == true, "round \(round)")
        }
    }

    @Test func `plaintext beyond its source's share of a pod's bound is reset, and others are served`() throws {
        let node = try node(["cart"], others: ["third"], countMax: 4)
        let listener = try node.cart.listen(8080)
        let destination = Endpoint(node.cart.address, port: 8080)
        var kept = try (0..<2).map { _ in Client(try node.web.connect(destination)) }
        let applications = try (0..<2).map { _ in Client(try node.accept(listener).take()) }
        let refused = try node.web.connect(destination)
        #expect(throws: Errno.connectionReset) { _ = try read(refused) }
        let told = lines(node, "too many connections at once from 10.77.0.1")
        #expect(told.count == 1 && told.allSatisfy { $0.contains("direction=\"inbound\"") }, "\(node.logText)")
        #expect(try refusedCount(node, "destination") == 1)
        let other = try node.pod("third").connect(destination)
        try write("served", to: try node.accept(listener).take())
        #expect(try read(other) == "served")
        for client in kept { TCPSocket.resetOnClose(client.socket) }
        kept = []
        let isServed = try eventually {
            let again = Client(try node.web.connect(destination))
            usleep(50_000)
            return TCPSocket.pendingError(of: again.socket) == nil ? true : nil
        }
        #expect(isServed == true)
        withExtendedLifetime(applications) {}
    }

    @Test func `a stream beyond its source's share, or the pod's, is answered, and the others of its tunnel go on`()
        throws
    {
        let node = try node(["web", "cart", "third"], others: ["third"], countMax: 2)
        let listener = try node.cart.listen(8080)
        let destination = Endpoint(node.cart.address, port: 8080)
        var kept = [Client(try node.web.connect(destination))]
        var applications = [Client(try node.accept(listener).take())]
        // There is room, but not for who has half of it.
        let second = try node.web.connect(destination)
        #expect(throws: Errno.connectionReset) { _ = try read(second) }
        #expect(lines(node, "too many connections at once from 10.77.0.1").count == 1, "\(node.logText)")
        kept.append(Client(try node.pod("third").connect(destination)))
        applications.append(Client(try node.accept(listener).take()))
        for _ in 0..<2 {
            let refused = try node.web.connect(destination)
            #expect(throws: Errno.connectionReset) { _ = try read(refused) }
        }
        #expect(lines(node).count == 1 && node.logText.contains("http status 503"), "\(node.logText)")
        for client in kept { try write("still there", to: client.socket) }
        for application in applications { #expect(try read(application.socket) == "still there") }
    }

    @Test func `a SOCKS client is one connection before and after it has said where it wants to go`() throws {
        let node = try node(["web", "cart"], countMax: 1)
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(IPAddress(v4: 0x7f00_0001), port: 15080))
        let isGreeted = sendAll([5, 1, 0], to: client)
        #expect(try read(client) == "\u{5}\0")
        let isAsked = sendAll([5, 1, 0, 1, 10, 77, 0, 2, 0x1f, 0x90], to: client)
        #expect(isGreeted && isAsked)
        #expect(try read(client)?.hasPrefix("\u{5}\0") == true)
        let application = try node.accept(listener).take()
        try write("through", to: client)
        #expect(try read(application) == "through")
        #expect(lines(node).isEmpty)
    }
}

/// An application's end of a connection.
private final class Client {
    let socket: OwnedDescriptor
    init(_ socket: consuming OwnedDescriptor) { self.socket = socket }
}
