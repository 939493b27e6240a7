import Lab
import Primitives
import System
import Testing

/// The sample shop in a lab with all programs: what an operator sees of the mesh. Needs root.
@Suite struct ShopTests {
    @Test func `a call by service address arrives from the caller's own, whichever node serves it`() throws {
        try Shop.run { lab in
            for _ in 0..<4 {
                try #expect(Shop.call("10.96.0.20", 80, from: "web", lab) == "10.10.1.10")
                try #expect(Shop.call("fd96::20", 80, from: "web", lab) == "fd10:1::10")
            }
            try #expect(Shop.call("ledger", 9000, from: "cart-1", lab) != nil, "by name")
            try #expect(Shop.call("10.10.2.30", 9000, from: "web", lab) == "10.10.1.10", "by the pod's address")
        }
    }

    @Test func `who is not named by the policy is refused, until the policy is gone`() throws {
        try Shop.run { lab in
            try #expect(Shop.call("10.96.0.20", 80, from: "ledger", lab) == nil)
            try #expect(Shop.call("10.96.0.20", 80, from: "passer-by", lab) == nil)
            try #expect(Shop.call("10.96.0.20", 80, from: "web", lab) != nil)
            try FileSystem.remove("\(lab.folder.manifests)/cart-policy.yaml")
            try #expect(Shop.eventually { try Shop.call("10.96.0.20", 80, from: "ledger", lab) == "10.10.2.30" })
            try #expect(Shop.call("10.96.0.20", 80, from: "passer-by", lab) == "10.10.1.90")
        }
    }

    @Test func `plaintext from outside is let in, save where mutual TLS is demanded`() throws {
        try Shop.run { lab in
            try #expect(Shop.call("10.96.0.10", 80, from: "passer-by", lab) == "10.10.1.90")
            try #expect(Shop.call("10.96.0.30", 9000, from: "passer-by", lab) == nil)
            try #expect(Shop.call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10")
        }
    }

    @Test func `a pod reaches itself by its own address and by its service`() throws {
        try Shop.run { lab in
            for host in ["10.10.2.30", "10.96.0.30", "fd10:2::30", "fd96::30"] {
                let answer = try Shop.call(host, 9000, from: "ledger", lab)
                #expect(answer == (host.contains(":") ? "fd10:2::30" : "10.10.2.30"), "\(host)")
            }
        }
    }

    @Test func `mutual TLS is demanded for a namespace, a workload or a port, and each may be excepted`() throws {
        let head = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {namespace: shop, name: "
        try Shop.run { lab in
            try Shop.serve(8081, in: "web", lab)
            func outcome() throws -> [Bool] {
                try [8080, 8081].map { try Shop.call("10.10.1.10", $0, from: "passer-by", lab) != nil }
            }
            func set(_ text: String) throws { try Shop.set("peers.yaml", text, lab) }
            #expect(try outcome() == [true, true])
            try set(head + "all}\nspec: {mtls: {mode: STRICT}}\n")
            try #expect(Shop.eventually { try outcome() == [false, false] })
            try set(
                head + "web}\nspec: {selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}, "
                    + "portLevelMtls: {8081: {mode: PERMISSIVE}}}\n")
            try #expect(Shop.eventually { try outcome() == [false, true] })
            try set(
                head + "web}\nspec: {selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}, "
                    + "portLevelMtls: {8081: {mode: STRICT}}}\n")
            try #expect(Shop.eventually { try outcome() == [true, false] })
            // Who is in the mesh is served throughout.
            try #expect(Shop.call("10.10.1.10", 8081, from: "ledger", lab) == "10.10.2.30")
        }
    }

    @Test func `mutual TLS is demanded of the whole mesh but for a port, or of nothing but a port`() throws {
        func policy(_ namespace: String, _ rest: String) -> String {
            "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n"
                + "metadata: {namespace: \(namespace), name: chosen}\nspec: {\(rest)}\n---\n"
        }
        func port(_ mode: String) -> String {
            policy("shop", "selector: {matchLabels: {app: web}}, portLevelMtls: {8081: {mode: \(mode)}}")
        }
        try Shop.run { lab in
            try Shop.serve(8081, in: "web", lab)
            func outcome() throws -> [Bool] {
                try [8080, 8081].map { try Shop.call("10.10.1.10", $0, from: "passer-by", lab) != nil }
            }
            let (strict, permissive) = ("mtls: {mode: STRICT}", "mtls: {mode: PERMISSIVE}")
            for (text, expected) in [
                (policy("istio-system", strict), [false, false]),
                (policy("istio-system", strict) + port("PERMISSIVE"), [false, true]),
                (policy("istio-system", permissive) + port("STRICT"), [true, false]),
            ] {
                try Shop.set("peers.yaml", text, lab)
                try #expect(Shop.eventually { try outcome() == expected }, "\(text)")
                try #expect(Shop.call("10.10.1.10", 8081, from: "ledger", lab) == "10.10.2.30")
            }
        }
    }

    @Test func `a pod that leaves the mesh is reached in plaintext, and joins again`() throws {
        try Shop.run { lab in
            let file = "\(lab.folder.manifests)/ledger.yaml"
            let original = try FileSystem.read(file)
            let left = String(decoding: original, as: UTF8.self)
                .replacing("    app: ledger\nspec", with: "    app: ledger\n    istio.io/dataplane-mode: none\nspec")
            try FileSystem.write(Array(left.utf8), to: file, mode: 0o644)
            try #expect(Shop.eventually { try Shop.call("10.96.0.30", 9000, from: "passer-by", lab) == "10.10.1.90" })
            try #expect(Shop.eventually { try Shop.call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10" })
            try #expect(Shop.eventually { try rules(in: "ledger", lab).isEmpty })
            try FileSystem.write(original, to: file, mode: 0o644)
            try #expect(Shop.eventually { try Shop.call("10.96.0.30", 9000, from: "passer-by", lab) == nil })
            try #expect(Shop.eventually { try Shop.call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10" })
        }
    }

    @Test func `without its node proxy a pod's traffic stops, in both directions`() throws {
        try Shop.run { lab in
            let proxy = try #require(lab.program("node-south"))
            proxy.send(signal: Processes.kill)
            #expect(try proxy.wait(atMost: .seconds(5)) == .signalled(9))
            try #expect(Shop.call("10.10.1.10", 8080, from: "ledger", lab) == nil)
            try #expect(Shop.call("10.10.2.30", 9000, from: "passer-by", lab) == nil)
            try #expect(Shop.call("10.10.1.10", 8080, from: "passer-by", lab) == "10.10.1.90", "the other node goes on")
        }
    }

    private func rules(in pod: String, _ lab: Lab) throws -> [String] {
        let output = try lab.run(["iptables-save"], in: pod).output
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
            .filter { $0.hasPrefix("-A") }
    }
}
