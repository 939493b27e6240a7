import Glibc
import Mesh
import Policy
import Primitives
import System
import Testing

@testable import NodeProxy

/// Whole lines of the access log, as ztunnel writes them; what differs in each run is put down as `#`.
@Suite(.serialized) struct AccessLogTests {
    /// The lines of the access log but those of level debug, without their times; sorted.
    private static func lines(_ node: TestNode) -> [String] {
        node.logText.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard parts.count == 5, parts[2] == "access", parts[1] != "debug" else { return nil }
            let fields = parts[4].split(separator: " ").map { field in
                let name = field.prefix { $0 != "=" }
                switch name {
                case "src.addr": return "\(field.prefix { $0 != ":" }):#"
                case "duration": return "duration=#"
                default: return String(field)
                }
            }
            return ([String(parts[1]), String(parts[3])] + fields).joined(separator: " ")
        }.sorted()
    }

    private static let web = "src.workload=\"web\" src.namespace=\"shop\""
    private static let webID = "src.identity=\"spiffe://cluster.local/ns/shop/sa/web\""
    private static let cart = "dst.workload=\"cart\" dst.namespace=\"shop\""
    private static let cartID = "dst.identity=\"spiffe://cluster.local/ns/shop/sa/cart\" dst.cluster=\"Kubernetes\""

    /// The lines of both ends of a tunnelled call to this port.
    private static func tunnelled(_ port: Int, _ direction: String, _ rest: String) -> String {
        "src.addr=10.77.0.1:# \(web) \(webID) src.cluster=\"Kubernetes\" dst.addr=10.77.0.2:15008 "
            + "dst.hbone_addr=10.77.0.2:\(port) \(cart) \(cartID) direction=\"\(direction)\" \(rest)"
    }

    @Test func `a call in order and one to a closed port have the same lines as a ztunnel's`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let server = try node.accept(listener).take()
        try write("ping", to: client)
        _ = try read(server)
        try write("longer", to: server)
        _ = try read(client)
        TCPSocket.shutdownWrite(of: client)
        TCPSocket.shutdownWrite(of: server)
        _ = (try read(server), try read(client))
        let refused = try node.web.connect(Endpoint(node.cart.address, port: 9))
        _ = try? read(refused)
        let lines = Self.lines(node)
        let error = "error connection complete "
        try #require(lines.count == 4, "\(lines)")
        #expect(lines[0].hasPrefix(error + Self.tunnelled(9, "inbound", "bytes_sent=0 bytes_recv=0 duration=# error=")))
        #expect(
            lines[1].hasPrefix(error + Self.tunnelled(9, "outbound", "bytes_sent=0 bytes_recv=0 duration=# error=")))
        let complete = "info connection complete "
        #expect(lines[2] == complete + Self.tunnelled(8080, "inbound", "bytes_sent=6 bytes_recv=4 duration=#"))
        #expect(lines[3] == complete + Self.tunnelled(8080, "outbound", "bytes_sent=4 bytes_recv=6 duration=#"))
    }

    @Test func `plain TCP into a pod is named by its parties, without an identity`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let server = try node.accept(listener).take()
        TCPSocket.shutdownWrite(of: client)
        TCPSocket.shutdownWrite(of: server)
        _ = (try read(server), try read(client))
        #expect(
            Self.lines(node) == [
                "info connection complete src.addr=10.77.0.1:# \(Self.web) src.cluster=\"Kubernetes\" "
                    + "dst.addr=10.77.0.2:8080 \(Self.cart) dst.cluster=\"Kubernetes\" direction=\"inbound\" "
                    + "bytes_sent=0 bytes_recv=0 duration=#"
            ])
    }

    @Test func `what is refused before its parties are known is told by its addresses`() throws {
        let node = try TestNode()
        node.publish { state in
            state.insert(NameFixture.service("empty", ["10.96.0.12"]))
        }
        usleep(100_000)
        let client = try node.web.connect(Endpoint(IPAddress(v4: 0x0a60_000c), port: 80))
        _ = try? read(client)
        let lines = Self.lines(node)
        #expect(lines.count == 1)
        #expect(try node.scrape().sum("culvert_connections_refused_total", ["reporter": "source"]) == 1)
        #expect(
            lines.first?.hasPrefix(
                "warn connection failed src.addr=10.77.0.1:# dst.addr=10.96.0.12:80 direction=\"outbound\" error=")
                == true, "\(lines)")
    }
}
