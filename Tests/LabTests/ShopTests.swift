import Lab
import Primitives
import System
import Testing

/// The sample shop in a lab with all programs: what an operator sees of the mesh. Needs root.
@Suite struct ShopTests {
    private static let examples = String(#filePath.dropLast("Tests/LabTests/ShopTests.swift".count)) + "Examples/shop"

    /// A server that answers each connection with its peer's address, after it has heard something.
    private static let server = """
        import socket, sys, threading
        s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
        def serve(c, a):
            if c.recv(99): c.sendall(a[0].removeprefix("::ffff:").encode())
            c.close()
        while True: threading.Thread(target=serve, args=s.accept(), daemon=True).start()
        """

    /// A client that says a word and prints the answer; fails when there is none.
    private static let client = """
        import socket, sys
        c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
        c.sendall(b"hello")
        answer = c.recv(99)
        print(answer.decode(), end="")
        sys.exit(0 if answer else 1)
        """

    private func withShop(_ body: (Lab) throws -> Void) throws {
        let folder = try #require(LabFolder(name: "cvt\(Entropy.uint64() % 1_000_000)"))
        let program = try Processes.ownProgram()
        let binaries = String(program.prefix(upTo: try #require(program.lastIndex(of: "/"))))
        let lab = Lab(folder, manifests: Self.examples, options: .init(binaries: binaries))
        try lab.start()
        defer { lab.stop() }
        for (pod, port) in [("web", 8080), ("cart-0", 8080), ("cart-1", 8080), ("ledger", 9000)] {
            _ = try lab.spawn(["python3", "-c", Self.server, "\(port)"], in: pod)
            try awaitServer(in: pod, port, lab)
        }
        try body(lab)
    }

    /// Waits until a server listens; connections of a pod to its own loopback are nobody's business.
    private func awaitServer(in pod: String, _ port: Int, _ lab: Lab) throws {
        for _ in 0..<200 {
            if try call("127.0.0.1", port, from: pod, lab) != nil { return }
            Processes.pause(.milliseconds(25))
        }
        Issue.record("no server in \(pod)")
    }

    /// The answer to a call, or nil when it fails.
    private func call(_ host: String, _ port: Int, from pod: String, _ lab: Lab) throws -> String? {
        let result = try lab.run(["python3", "-c", Self.client, host, "\(port)"], in: pod)
        return result.status.isSuccess ? String(decoding: result.output, as: UTF8.self) : nil
    }

    /// Calls again until the outcome is as wanted, for at most a few seconds.
    private func eventually(_ body: () throws -> Bool) throws -> Bool {
        let deadline = MonotonicClock.now() + .seconds(5)
        while MonotonicClock.now() < deadline {
            if try body() { return true }
            Processes.pause(.milliseconds(50))
        }
        return false
    }

    @Test func `a call by service address arrives from the caller's own, whichever node serves it`() throws {
        try withShop { lab in
            for _ in 0..<4 {
                try #expect(call("10.96.0.20", 80, from: "web", lab) == "10.10.1.10")
                try #expect(call("fd96::20", 80, from: "web", lab) == "fd10:1::10")
            }
            try #expect(call("ledger", 9000, from: "cart-1", lab) != nil, "by name")
            try #expect(call("10.10.2.30", 9000, from: "web", lab) == "10.10.1.10", "by the pod's address")
        }
    }

    @Test func `who is not named by the policy is refused, until the policy is gone`() throws {
        try withShop { lab in
            try #expect(call("10.96.0.20", 80, from: "ledger", lab) == nil)
            try #expect(call("10.96.0.20", 80, from: "passer-by", lab) == nil)
            try #expect(call("10.96.0.20", 80, from: "web", lab) != nil)
            try FileSystem.remove("\(lab.folder.manifests)/cart-policy.yaml")
            try #expect(eventually { try call("10.96.0.20", 80, from: "ledger", lab) == "10.10.2.30" })
            try #expect(call("10.96.0.20", 80, from: "passer-by", lab) == "10.10.1.90")
        }
    }

    @Test func `plaintext from outside is let in, save where mutual TLS is demanded`() throws {
        try withShop { lab in
            try #expect(call("10.96.0.10", 80, from: "passer-by", lab) == "10.10.1.90")
            try #expect(call("10.96.0.30", 9000, from: "passer-by", lab) == nil)
            try #expect(call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10")
        }
    }

    @Test func `a pod reaches itself by its own address and by its service`() throws {
        try withShop { lab in
            for host in ["10.10.2.30", "10.96.0.30", "fd10:2::30", "fd96::30"] {
                let answer = try call(host, 9000, from: "ledger", lab)
                #expect(answer == (host.contains(":") ? "fd10:2::30" : "10.10.2.30"), "\(host)")
            }
        }
    }

    @Test func `mutual TLS is demanded for a namespace, a workload or a port, and each may be excepted`() throws {
        let head = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {namespace: shop, name: "
        try withShop { lab in
            _ = try lab.spawn(["python3", "-c", Self.server, "8081"], in: "web")
            try awaitServer(in: "web", 8081, lab)
            func outcome() throws -> [Bool] {
                try [8080, 8081].map { try call("10.10.1.10", $0, from: "passer-by", lab) != nil }
            }
            let file = "\(lab.folder.manifests)/peers.yaml"
            func set(_ text: String) throws { try FileSystem.write(Array(text.utf8), to: file, mode: 0o644) }
            #expect(try outcome() == [true, true])
            try set(head + "all}\nspec: {mtls: {mode: STRICT}}\n")
            try #expect(eventually { try outcome() == [false, false] })
            try set(
                head + "web}\nspec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, "
                    + "portLevelMtls: {8081: {mode: PERMISSIVE}}}\n")
            try #expect(eventually { try outcome() == [false, true] })
            try set(
                head + "web}\nspec: {selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}, "
                    + "portLevelMtls: {8081: {mode: STRICT}}}\n")
            try #expect(eventually { try outcome() == [true, false] })
            // Who is in the mesh is served throughout.
            try #expect(call("10.10.1.10", 8081, from: "ledger", lab) == "10.10.2.30")
        }
    }

    @Test func `a pod that leaves the mesh is reached in plaintext, and joins again`() throws {
        try withShop { lab in
            let file = "\(lab.folder.manifests)/ledger.yaml"
            let original = try FileSystem.read(file)
            let left = String(decoding: original, as: UTF8.self)
                .replacing("    app: ledger\nspec", with: "    app: ledger\n    istio.io/dataplane-mode: none\nspec")
            try FileSystem.write(Array(left.utf8), to: file, mode: 0o644)
            try #expect(eventually { try call("10.96.0.30", 9000, from: "passer-by", lab) == "10.10.1.90" })
            try #expect(eventually { try call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10" })
            try #expect(rules(in: "ledger", lab).isEmpty)
            try FileSystem.write(original, to: file, mode: 0o644)
            try #expect(eventually { try call("10.96.0.30", 9000, from: "passer-by", lab) == nil })
            try #expect(eventually { try call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10" })
        }
    }

    @Test func `without its node proxy a pod's traffic stops, in both directions`() throws {
        try withShop { lab in
            let proxy = try #require(lab.program("node-south"))
            proxy.send(signal: Processes.kill)
            #expect(try proxy.wait(atMost: .seconds(5)) == .signalled(9))
            try #expect(call("10.10.1.10", 8080, from: "ledger", lab) == nil)
            try #expect(call("10.10.2.30", 9000, from: "passer-by", lab) == nil)
            try #expect(call("10.10.1.10", 8080, from: "passer-by", lab) == "10.10.1.90", "the other node goes on")
        }
    }

    private func rules(in pod: String, _ lab: Lab) throws -> [String] {
        let output = try lab.run(["iptables-save"], in: pod).output
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("-A") }
    }
}
