import Lab
import System
import Testing

/// What operators, and others, do to an agent and to the pods that it has enrolled. Needs root.
@Suite(.serialized) struct AgentMishapTests {
    private func end(_ program: String, _ lab: Lab) throws -> Shop.Recipe {
        let child = try #require(lab.program(program))
        let recipe = try Shop.Recipe(of: child)
        child.send(signal: Processes.kill)
        #expect(try child.wait(atMost: .seconds(5)) == .signalled(9))
        return recipe
    }

    @Test func `an agent that comes back mends what was done to a pod's rules, and costs its connections nothing`()
        throws
    {
        try Shop.run { lab in
            let recipe = try end("agent-south", lab)
            let whole = try Shop.rules(in: "ledger", lab)
            try #expect(Shop.call("10.10.2.30", 9000, from: "passer-by", lab) == nil)
            let open = try Shop.converse("10.96.0.30", 9000, from: "web", seconds: 6, lab)
            _ = try lab.run(["iptables", "-t", "nat", "-F", "ISTIO_PRERT"], in: "ledger")
            // Nothing but the rule that is gone keeps plaintext from a pod that demands mutual TLS.
            try #expect(Shop.call("10.10.2.30", 9000, from: "passer-by", lab) != nil)
            let log = lab.folder.log(of: "agent-south-again")
            let agent = try recipe.start(in: lab.namespace(ofNode: "south"), logging: log)
            defer { _ = try? agent.stop() }
            try #expect(Shop.eventually { try Shop.rules(in: "ledger", lab) == whole })
            try #expect(Shop.call("10.10.2.30", 9000, from: "passer-by", lab) == nil)
            #expect(try open.text() == "whole\n")
        }
    }

    @Test func `an agent with a setting that it does not understand ends, and harms nobody until it is put right`()
        throws
    {
        try Shop.run { lab in
            let recipe = try end("agent-north", lab)
            let load = try Shop.load("10.96.0.10", 80, from: "cart-0", seconds: 5, lab)
            let node = try lab.namespace(ofNode: "north")
            let log = lab.folder.log(of: "agent-north-again")
            let broken = try recipe.setting("AMBIENT_DNS_CAPTURE", to: "perhaps").start(in: node, logging: log)
            #expect(try broken.wait(atMost: .seconds(5)) == .exited(64))
            #expect(String(decoding: try FileSystem.read(log), as: UTF8.self).contains("AMBIENT_DNS_CAPTURE=perhaps"))
            let agent = try recipe.start(in: node, logging: log)
            defer { _ = try? agent.stop() }
            #expect(try load.text().hasPrefix("0 "))
            try #expect(Shop.call("10.96.0.10", 80, from: "cart-0", lab) == "10.10.2.20")
        }
    }

    @Test func `a pod whose network namespace is not where it is said to be is nobody's until that is put right`()
        throws
    {
        try Shop.run { lab in
            let web = String(decoding: try FileSystem.read("\(lab.folder.manifests)/web.yaml"), as: UTF8.self)
            let wrong = web.replacing("-shop-web\"", with: "-shop-nowhere\"")
            #expect(wrong != web)
            try Shop.set("web.yaml", wrong, lab)
            // The proxy that has it keeps it, whatever a new agent knows.
            let log = lab.folder.log(of: "agent-north-again")
            let node = try lab.namespace(ofNode: "north")
            let agent = try end("agent-north", lab).start(in: node, logging: log)
            defer { _ = try? agent.stop() }
            let isTold = try Shop.eventually {
                ((try? FileSystem.read(log)).map { String(decoding: $0, as: UTF8.self) } ?? "")
                    .contains("traffic not captured")
            }
            #expect(isTold)
            try #expect(Shop.call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10")
            // Another one is not told of it, and nothing goes past that.
            let proxy = try end("node-north", lab)
                .start(in: node, logging: lab.folder.log(of: "node-north-again"))
            defer { _ = try? proxy.stop() }
            try #expect(Shop.eventually { try Shop.call("10.96.0.30", 9000, from: "cart-1", lab) == "10.10.1.21" })
            try #expect(Shop.calls(["10.96.0.30:9000", "10.10.1.90:8080"], from: "web", lab) == [nil, nil])
            try Shop.set("web.yaml", web, lab)
            try #expect(Shop.eventually { try Shop.call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10" })
        }
    }

    @Test func `pods of a namespace that is left out are never enrolled, whatever their labels say`() throws {
        let manifests = """
            apiVersion: v1
            kind: Namespace
            metadata: {name: kube-system, labels: {istio.io/dataplane-mode: ambient}}
            ---
            apiVersion: v1
            kind: Pod
            metadata: {name: dns, namespace: kube-system, labels: {istio.io/dataplane-mode: ambient}}
            spec: {nodeName: north, serviceAccountName: dns}
            status: {podIPs: [{ip: 10.10.1.53}]}

            """
        try Shop.run(adding: manifests) { lab in
            try Shop.serve(8080, in: "dns", lab)
            for pod in ["web", "cart-0", "passer-by"] {
                try #expect(Shop.call("10.10.1.53", 8080, from: pod, lab) != nil, "\(pod)")
            }
            try #expect(Shop.calls(["10.10.1.10:8080", "10.10.2.30:9000"], from: "dns", lab) == ["10.10.1.53", nil])
            try #expect(Shop.rules(in: "dns", lab).isEmpty)
            try #expect(!Shop.rules(in: "web", lab).isEmpty)
        }
    }
}
