import Glibc
import Identity
import Mesh
import Policy
import Primitives
import System
import Testing

@testable import NodeProxy

/// Connections that come while the first state of the mesh is still being loaded.
@Suite(.serialized) struct EarlyConnectionTests {
    @Test func `who comes before the mesh is known waits for it`() throws {
        let node = try TestNode(knowsMesh: false)
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        try write("ping", to: client)
        usleep(500_000)
        if try TCPSocket.accept(listener) != nil { Issue.record("nobody knew yet whether it is allowed") }
        node.know()
        let server = try node.accept(listener).take()
        let request = try read(server)
        #expect(request == "ping")
    }

    @Test func `a part of the first load decides nothing`() throws {
        let node = try TestNode(knowsMesh: false)
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        usleep(300_000)
        node.publish { $0.policies.insert(.onlyLedger) }
        node.know()
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        if try TCPSocket.accept(listener) != nil { Issue.record("the application saw a denied connection") }
        #expect(node.logText.contains("allow policies exist, but none allowed"))
    }

    @Test func `who waits for a mesh that does not come waits no longer than five seconds, and is told why`() throws {
        let node = try TestNode(knowsMesh: false)
        let start = MonotonicClock.now()
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        // A read gives up after five seconds.
        #expect(throws: Errno.connectionReset) { for _ in 0..<2 { _ = try read(client) } }
        let span = (MonotonicClock.now() - start).wholeMilliseconds
        #expect((4500...8000).contains(span), "\(span) ms")
        let reason = "unknown source workload: shop/web, as the control plane has not told the mesh yet"
        #expect(node.logText.contains(reason), "\(node.logText)")
    }

    @Test func `the pods of a proxy that serves are left to it until the mesh is known`() throws {
        let predecessor = try TestNode()
        let successor = try TestNode(enrolling: [], knowsMesh: false)
        try successor.enrol(predecessor.cart, expecting: .served)
        let listener = try predecessor.cart.listen(8080)
        for _ in 0..<16 {
            let client = try predecessor.web.connect(Endpoint(predecessor.cart.address, port: 8080))
            _ = try predecessor.accept(listener)
            _ = consume client
        }
        successor.know()
        try successor.enrol(predecessor.cart)
    }
}
