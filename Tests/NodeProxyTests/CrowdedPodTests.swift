import Glibc
import Primitives
import System
import Testing

@testable import NodeProxy

/// A pod that has as many connections as it may have.
@Suite(.serialized) struct CrowdedPodTests {
    private static let isCrowded = "too many connections of this pod at once"

    /// A node on which each pod may have so many connections.
    private func node(_ enrolled: Set<String>, countMax: Int) throws -> TestNode {
        var configuration = NodeConfiguration()
        // Connections are handed from one to the other.
        configuration.workerCount = 2
        configuration.podConnectionCountMax = countMax
        return try TestNode(enrolling: enrolled, configuration: configuration)
    }

    private func lines(_ node: TestNode) -> [Substring] {
        node.logText.split(separator: "\n").filter { $0.contains(Self.isCrowded) }
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

    @Test func `plaintext beyond the pod's bound is reset`() throws {
        let node = try node(["cart"], countMax: 2)
        let listener = try node.cart.listen(8080)
        let destination = Endpoint(node.cart.address, port: 8080)
        var kept = try (0..<2).map { _ in Client(try node.web.connect(destination)) }
        let applications = try (0..<2).map { _ in Client(try node.accept(listener).take()) }
        let refused = try node.web.connect(destination)
        #expect(throws: Errno.connectionReset) { _ = try read(refused) }
        #expect(lines(node).count == 1 && lines(node).allSatisfy { $0.contains("direction=\"inbound\"") })
        #expect(try refusedCount(node, "destination") == 1)
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

    @Test func `a stream beyond the pod's bound is answered, and the others of its tunnel go on`() throws {
        // The tunnel is one of them.
        let node = try node(["web", "cart"], countMax: 3)
        let listener = try node.cart.listen(8080)
        let destination = Endpoint(node.cart.address, port: 8080)
        let kept = try (0..<2).map { _ in Client(try node.web.connect(destination)) }
        let applications = try (0..<2).map { _ in Client(try node.accept(listener).take()) }
        let refused = try node.web.connect(destination)
        #expect(throws: Errno.connectionReset) { _ = try read(refused) }
        let log = node.logText
        #expect(log.contains(Self.isCrowded) && log.contains("503"), "\(log)")
        for (client, application) in zip(kept, applications) {
            try write("still there", to: client.socket)
            #expect(try read(application.socket) == "still there")
        }
    }
}

/// An application's end of a connection.
private final class Client {
    let socket: OwnedDescriptor
    init(_ socket: consuming OwnedDescriptor) { self.socket = socket }
}
