import Lab
import System
import Testing

/// Services that Kubernetes does not know, from inside the mesh. Needs root.
@Suite(.serialized) struct ServiceEntryTests {
    /// Endpoints written down, pods of ours and of others, machines with an entry of their own; one name in two
    /// namespaces.
    private static let entries = [
        entry("written", "shop", "10.97.0.1", "location: MESH_EXTERNAL, endpoints: [{address: 10.10.1.90}]"),
        entry("inside", "shop", "10.97.0.2", "endpoints: [\(tunnelled("10.10.2.30", "ledger", port: 9000))]"),
        entry("pods", "street", "10.97.0.3", "workloadSelector: {labels: {app: passer-by}}"),
        entry("machines", "shop", "10.97.0.4", "workloadSelector: {labels: {app: machine}}"),
        "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: machine, namespace: shop}\n"
            + "spec: {address: 198.18.0.1, labels: {app: machine}, ports: {tcp: 8088}}\n",
        entry("twice", "shop", "10.97.0.5", "endpoints: [\(tunnelled("10.10.1.21", "cart", port: 8080))]"),
        entry("twice", "street", "10.97.0.6", "endpoints: [{address: 10.10.1.90}]"),
    ].joined(separator: "---\n")

    /// An endpoint that takes tunnels, where its entry says so, under the name of an account.
    private static func tunnelled(_ address: String, _ account: String, port: Int) -> String {
        "{address: \(address), ports: {tcp: \(port)}, serviceAccount: \(account)}"
    }

    private static func entry(_ name: String, _ namespace: String, _ address: String, _ rest: String) -> String {
        let tunnels = rest.contains("serviceAccount") ? ", annotations: {ambient.istio.io/redirection: enabled}" : ""
        return """
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: \(name), namespace: \(namespace)\(tunnels)}
            spec:
              {hosts: [\(name).example.com], addresses: [\(address)], resolution: STATIC, \(rest),
               ports: [{name: tcp, number: 80, protocol: TCP, targetPort: 8080}]}

            """
    }

    @Test func `endpoints are what the entry says, what it selects, and pods of ours by their name`() throws {
        try Shop.run(adding: Self.entries) { lab in
            let machine = try Shop.serve(8088, at: lab.backbone())
            defer { _ = try? machine.stop() }
            // The ledger and the cart want to know who calls.
            for server in 1...5 {
                try #expect(
                    Shop.eventually { try Shop.call("10.97.0.\(server)", 80, from: "web", lab) == "10.10.1.10" },
                    "\(server)")
            }
            // An entry that goes takes its address along.
            try Shop.set("more.yaml", "", lab)
            try #expect(Shop.eventually { try Shop.call("10.97.0.2", 80, from: "web", lab) == nil })
        }
    }

    @Test func `a name is answered with the address of one's own namespace first, and assigned ones as well`() throws {
        let assigned = """
            ---
            apiVersion: networking.istio.io/v1
            kind: ServiceEntry
            metadata: {name: assigned, namespace: shop}
            spec: {hosts: [assigned.example.com], resolution: STATIC, endpoints: [{address: 10.10.1.90}], \
            ports: [{name: tcp, number: 80, protocol: TCP, targetPort: 8080}]}
            status: {addresses: [{host: assigned.example.com, value: 240.240.0.7}]}

            """
        try Shop.run(adding: Self.entries + assigned, agent: ["AMBIENT_DNS_CAPTURE": "true"]) { lab in
            let ask = { (name: String) in
                let words = ["dig", "@198.18.0.1", "+short", "+time=2", "+tries=1", "\(name).example.com"]
                return String(decoding: try lab.run(words, in: "web").output, as: UTF8.self)
            }
            for (name, address) in [("written", "10.97.0.1"), ("twice", "10.97.0.5"), ("assigned", "240.240.0.7")] {
                try #expect(Shop.eventually { try ask(name) == "\(address)\n" }, "\(name)")
            }
            try #expect(Shop.eventually { try Shop.call("240.240.0.7", 80, from: "web", lab) == "10.10.1.10" })
            try Shop.set("more.yaml", Self.entries, lab)
            try #expect(Shop.eventually { try ask("assigned") != "240.240.0.7\n" })
        }
    }
}
