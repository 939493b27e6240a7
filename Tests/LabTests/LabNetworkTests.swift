import Primitives
import System
import Testing

@testable import Lab

/// Needs root.
@Suite struct LabNetworkTests {
    private let name = "cvt\(Entropy.uint64() % 1_000_000)"

    private var topology: LabTopology {
        let addresses = { (texts: String...) in texts.compactMap { IPAddress($0) } }
        let backends = { (texts: String...) in texts.compactMap { Endpoint($0) } }
        return LabTopology(
            pods: [
                .init(namespace: "a", name: "near", node: "one", addresses: addresses("10.1.0.1", "fd01::1")),
                .init(namespace: "a", name: "next", node: "one", addresses: addresses("10.1.0.2", "fd01::2")),
                .init(namespace: "a", name: "far", node: "two", addresses: addresses("10.2.0.1", "fd02::1")),
            ],
            routes: zip(
                backends("10.96.0.1:80", "[fd96::1]:80", "10.96.0.2:80"),
                [
                    backends("10.2.0.1:8080"), backends("[fd02::1]:8080"), backends("10.1.0.1:8080"),
                ]
            ).map { .init(address: $0, backends: $1) })
    }

    private func withNetwork(_ body: (LabPlan) throws -> Void) throws {
        let plan = LabPlan(lab: name, topology: topology)
        let names = plan.namespaces.map(\.name)
        try LabNetwork.create(names)
        defer { LabNetwork.remove(names) }
        try LabNetwork.build(plan)
        try body(plan)
    }

    /// A server on a port of a pod that answers each connection with its peer's address.
    private func serve(_ pod: Int, _ plan: LabPlan) throws -> ChildProcess {
        let script = """
            import socket
            s = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
            while True:
                c, a = s.accept(); c.sendall(a[0].encode()); c.close()
            """
        let namespace = try LabShell.namespace(plan.namespace(of: plan.topology.pods[pod]))
        return try namespace.perform { () throws(Errno) in try ChildProcess.spawn(["python3", "-c", script]) }
    }

    /// What a client in a pod reads from an address; asks until the server is up.
    private func call(_ address: String, from pod: Int, _ plan: LabPlan) throws -> String {
        let script = """
            import socket, time
            for _ in range(100):
                try:
                    c = socket.create_connection(("\(address)", \(address.contains("96") ? 80 : 8080)), 2)
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            print(c.recv(99).decode())
            """
        let namespace = try LabShell.namespace(plan.namespace(of: plan.topology.pods[pod]))
        return try LabShell.run(["python3", "-c", script], in: namespace)
    }

    @Test func `pods reach pods and services with their own address`() throws {
        try withNetwork { plan in
            _ = try serve(2, plan)
            #expect(try call("10.2.0.1", from: 0, plan) == "::ffff:10.1.0.1\n")
            #expect(try call("fd02::1", from: 0, plan) == "fd01::1\n")
            #expect(try call("10.96.0.1", from: 1, plan) == "::ffff:10.1.0.2\n")
            #expect(try call("fd96::1", from: 1, plan) == "fd01::2\n")
        }
    }

    @Test func `a pod reaches its neighbour, and itself by its service`() throws {
        try withNetwork { plan in
            _ = try serve(0, plan)
            #expect(try call("10.96.0.2", from: 1, plan) == "::ffff:10.1.0.2\n")
            #expect(try call("10.1.0.1", from: 1, plan) == "::ffff:10.1.0.2\n")
            #expect(try call("10.96.0.2", from: 0, plan) != "")
        }
    }

    @Test func `a pod that comes does not silence those that are there`() throws {
        try withNetwork { plan in
            _ = try serve(2, plan)
            func answers() throws -> [String] { try [0, 1].map { try call("10.2.0.1", from: $0, plan) } }
            #expect(try answers() == ["::ffff:10.1.0.1\n", "::ffff:10.1.0.2\n"])
            // A port whose hardware address is the least, and that asks for nothing.
            let port =
                "ip link add q0 address 02:00:00:00:00:01 type veth peer name q1 && ip link set q0 master pods up"
            _ = try LabShell.run(["sh", "-c", port], in: LabShell.namespace(plan.namespaces[1].name))
            #expect(try answers() == ["::ffff:10.1.0.1\n", "::ffff:10.1.0.2\n"])
        }
    }

    @Test func `removal ends what runs inside and leaves no namespace`() throws {
        var child: ChildProcess?
        try withNetwork { plan in child = try serve(0, plan) }
        #expect(try child?.wait(atMost: .seconds(2)) == .signalled(15))
        #expect(try !LabShell.run(["ip", "netns", "list"]).contains(name))
    }

    @Test func `creating what exists already fails and leaves nothing new`() throws {
        try LabNetwork.create(["\(name)-x"])
        defer { LabNetwork.remove(["\(name)-x"]) }
        #expect(throws: LabFailure.self) { try LabNetwork.create(["\(name)-y", "\(name)-x"]) }
    }
}
