import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// Ports whose packets somebody drops, so that nobody answers.
@Suite(.serialized) struct SilentPortTests {
    private static func drop(_ port: UInt16, in pod: TestPod) throws {
        let rule = ["INPUT", "-p", "tcp", "--dport", "\(port)", "-j", "DROP"]
        try run(["ip", "netns", "exec", pod.netnsName, "iptables", "-w", "-I"] + rule)
    }

    @Test func `a peer whose tunnels are dropped fails the connection in time, and a NetworkPolicy is suspected`()
        throws
    {
        let node = try TestNode(enrolling: ["web"])
        try Self.drop(15008, in: node.cart)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let started = MonotonicClock.now()
        #expect(throws: Errno.connectionReset) {
            while MonotonicClock.now() - started < .seconds(20) { _ = try read(client) }
        }
        let duration = MonotonicClock.now() - started
        #expect(duration > .seconds(9) && duration < .seconds(13), "\(duration)")
        let reason = "error=\"connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008\""
        let lines = node.logText.split(separator: "\n").filter {
            $0.contains("direction=\"outbound\"") && $0.contains(reason)
        }
        #expect(lines.count == 1, "\(node.logText)")
        let page = try node.scrape()
        for name in ["istio_tcp_connections_failed_total", "istio_tcp_connections_closed_total"] {
            #expect(page.sum(name, ["reporter": "source", "response_flags": "NETWORK_POLICY"]) == 1)
            #expect(page.sum(name) == 1)
        }
    }

    @Test func `an application that is dropped is answered for with 503 in time`() throws {
        let node = try TestNode(enrolling: ["cart"])
        try Self.drop(8080, in: node.cart)
        let started = MonotonicClock.now()
        let answers = try HBONEPeer.answers(
            from: node.web, of: node, to: node.cart.address,
            [connect("10.77.0.2:8080").dropLast() + ", \"wait\": 20}"])
        let duration = MonotonicClock.now() - started
        #expect(answers.first?.contains("\"status\": 503") == true, "\(answers)")
        #expect(duration > .seconds(9) && duration < .seconds(14), "\(duration)")
        let lines = node.logText.split(separator: "\n").filter { $0.contains("direction=\"inbound\"") }
        #expect(lines.contains { $0.contains("error=\"connection failed: ") && $0.contains("timed out") }, "\(lines)")
        let page = try node.scrape()
        #expect(
            page.sum(
                "istio_tcp_connections_failed_total", ["reporter": "destination", "response_flags": "CONNECT"]) == 1)
    }
}
