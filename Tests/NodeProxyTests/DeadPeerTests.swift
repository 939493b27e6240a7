import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// Peers that are gone without a word.
@Suite(.serialized) struct DeadPeerTests {
    @Test func `a tunnel whose peer vanished without a word costs no connection`() throws {
        let node = try TestNode(enrolling: ["web"])
        let first = try HBONEPeer.server(in: node.cart, of: node)
        let destination = Endpoint(node.cart.address, port: 8080)
        let client = try node.converse("first", with: destination)
        // The pod goes without a farewell, and another one takes its address.
        let successor = try node.replaceCart { first.stop() }
        let second = try HBONEPeer.server(in: successor, of: node, accounts: ["cart"])
        let started = MonotonicClock.now()
        let again = try node.web.connect(destination)
        try write("second", to: again)
        let other = try read(again)
        #expect(other == "second", "\(node.logText) \(second.lines)")
        #expect(MonotonicClock.now() - started < .seconds(3))
        #expect(second.count(of: "request") == 1)
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
    }

    /// Whether the peer has been asked in vain before, or its silence is noticed with the first request.
    @Test(arguments: [12, 2])
    func `a tunnel that does not answer its ping gets no new connections`(seconds: UInt32) throws {
        let node = try TestNode(enrolling: ["web"], others: ["spare"])
        let spare = try node.pod("spare")
        let silent = try HBONEPeer.server(in: node.cart, of: node)
        let alive = try HBONEPeer.server(in: spare, of: node)
        node.publish {
            $0.insert(OutboundTests.service())
            $0.insert(OutboundTests.endpoint(node.cart))
            $0.insert(OutboundTests.endpoint(spare))
        }
        usleep(100_000)
        for _ in 0..<40 where silent.count(of: "connected") == 0 || alive.count(of: "connected") == 0 {
            let client = try node.web.connect(OutboundTests.vip)
            try write("hello", to: client)
            let answer = try read(client)
            #expect(answer == "hello")
        }
        try node.unplugCart()
        sleep(seconds)
        for number in 0..<6 {
            let started = MonotonicClock.now()
            let client = try node.web.connect(OutboundTests.vip)
            try write("number \(number)", to: client)
            var answer: String?
            for _ in 0..<4 where answer == nil { answer = try read(client) }
            #expect(answer == "number \(number)", "\(node.logText)")
            // A TCP connection that nobody answers is given up after ten seconds, the tunnel itself after thirty.
            #expect(MonotonicClock.now() - started < .seconds(14))
        }
    }

    @Test func `a plain connection whose peer is gone ends, and the log says why`() throws {
        var configuration = NodeConfiguration()
        let usual = try #require(configuration.keepAlive)
        #expect(usual.idleSeconds + usual.intervalSeconds * usual.probes <= 60)
        configuration.keepAlive = TCPSocket.KeepAlive(idleSeconds: 1, intervalSeconds: 1, probes: 2)
        let node = try TestNode(enrolling: ["web"], configuration: configuration)
        node.publish { $0.removeAddress(named: node.cart.workload.uid) }
        usleep(100_000)
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let server = try node.accept(listener).take()
        try write("here", to: server)
        #expect(try read(client) == "here")
        // One who is there and says nothing stays.
        sleep(4)
        try write("still here", to: server)
        #expect(try read(client) == "still here")
        try node.unplugCart()
        #expect(throws: Errno.connectionReset) {
            for _ in 0..<2 { _ = try read(client) }
        }
        #expect(node.logText.contains("Connection timed out"), "\(node.logText)")
    }
}
