import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// Destinations that have a name only, looked up in the node's own network.
@Suite(.serialized) struct HostnameDestinationTests {
    private final class Setting {
        let file: ResolverFile
        let node: TestNode
        let server: NameServer

        init() throws {
            let address = IPAddress(v4: 0x7f4e_0001 + UInt32.random(in: 0..<250) << 8).description
            file = try ResolverFile("nameserver \(address)", "options timeout:1 attempts:0")
            node = try TestNode(enrolling: ["web"], configuration: file.configuration)
            server = try NameServer(
                on: [address], in: nil, names: ["db.example.com=10.77.0.2", "db6.example.com=fd77::2"])
            let names = ["db", "db6", "nx", "silent"]
            node.publish { state in
                for (index, name) in names.enumerated() {
                    let service = NameFixture.service(name, ["10.96.1.\(index + 1)"])
                    state.insert(service)
                    state.insert(
                        NameFixture.endpoint(name, of: service, addresses: [], hostname: "\(name).example.com"))
                }
            }
            usleep(100_000)
        }

        func dial(_ address: String) throws -> OwnedDescriptor {
            try node.web.connect(try #require(Endpoint("\(address):80")))
        }
    }

    @Test func `a service whose endpoint has a name only is reached where the name leads`() throws {
        let setting = try Setting()
        for (vip, address) in [
            ("10.96.1.1", setting.node.cart.address), ("10.96.1.2", setting.node.cart.address6),
        ] {
            let listener = try setting.node.cart.listen(8080, on: address)
            for round in 0..<4 {
                let client = try setting.dial(vip)
                let server = try setting.node.accept(listener).take()
                try write("round \(round)", to: client)
                #expect(try read(server) == "round \(round)")
            }
        }
        // Each worker asks for itself, both families at once, and asks no second time.
        #expect((2...4).contains(setting.server.questionCount("db.example.com")))
        #expect(setting.node.logText.contains("dst.workload=\"db\""))
    }

    @Test(arguments: [
        ("10.96.1.3", "lookup of nx.example.com found no address"), ("10.96.1.4", "no name server answered"),
    ])
    func `a name that leads nowhere is a refusal with its reason`(vip: String, reason: String) throws {
        let setting = try Setting()
        let client = try setting.dial(vip)
        #expect(throws: Errno.connectionReset) { _ = try read(client) }
        #expect(setting.node.logText.contains(reason), "\(setting.node.logText)")
    }

    @Test func `a name server on the node's loopback address serves the pods as well`() throws {
        let setting = try Setting()
        try setting.node.web.captureNames()
        #expect(try setting.node.web.dig("+short", "www.example.com") == "192.0.2.1\n")
        #expect(try setting.node.web.dig("+short", "+tcp", "db.example.com") == "10.77.0.2\n")
    }

    @Test func `the ports of a pod that has left are free at once, though a lookup of its still goes on`() throws {
        let setting = try Setting()
        let waiting = try setting.dial("10.96.1.4")
        usleep(200_000)
        let before = try setting.node.web.output("ss", "-Hltun")
        #expect(before.contains(":15001 ") && before.contains(":15053 "), "\(before)")
        try setting.node.unenrol(setting.node.web)
        let after = try setting.node.web.output("ss", "-Hltun")
        #expect(after == "")
        #expect(throws: Errno.connectionReset) { _ = try read(waiting) }
    }
}
