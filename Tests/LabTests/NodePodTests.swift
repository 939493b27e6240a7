import Lab
import System
import Testing

/// A node proxy that is a pod of the mesh itself. Needs root.
@Suite struct NodePodTests {
    private static let manifests = """
        apiVersion: v1
        kind: Pod
        metadata:
          name: culvert-node-north
          namespace: istio-system
          labels: {app: ztunnel}
          annotations: {ambient.istio.io/redirection: enabled}
        spec: {nodeName: north, serviceAccountName: culvert-node}
        status: {podIPs: [{ip: 10.10.1.99}, {ip: "fd10:1::99"}]}

        """

    @Test func `its metrics are scraped through a tunnel, by whom its policies let, and in plaintext`() throws {
        try Shop.run(adding: Self.manifests) { lab in
            let old = try #require(lab.program("node-north"))
            let recipe = try Shop.Recipe(of: old).setting("SERVICE_ACCOUNT", to: "culvert-node")
            let log = lab.folder.log(of: "node-north-pod")
            let node = try recipe.start(in: lab.namespace(of: "culvert-node-north"), logging: log)
            defer { _ = try? node.stop() }
            func scrape(_ pod: String, _ address: String = "10.10.1.99") throws -> Bool {
                let words = ["curl", "-gs", "--max-time", "5", "http://\(address):15020/metrics"]
                return String(decoding: try lab.run(words, in: pod).output, as: UTF8.self).contains("istio_build{")
            }
            // From the other node, from its own pods and from outside the mesh.
            for pod in ["cart-0", "web", "passer-by"] {
                try #expect(Shop.eventually { try scrape(pod) }, "\(pod)")
                #expect(try scrape(pod, "[fd10:1::99]"), "\(pod)")
            }
            let words = [
                #"reporter="source""#, #"source_workload="cart-0""#, #"destination_workload="culvert-node-north""#,
                #"destination_principal="spiffe://cluster.local/ns/istio-system/sa/culvert-node""#,
                #"connection_security_policy="mutual_tls""#,
            ]
            let isTold = try Shop.eventually {
                try Shop.closed(on: "south", lab).contains { line in words.allSatisfy(line.contains) }
            }
            #expect(isTold)
            try Shop.set(
                "scrapers.yaml",
                """
                apiVersion: security.istio.io/v1
                kind: AuthorizationPolicy
                metadata: {name: scrapers, namespace: istio-system}
                spec:
                  selector: {matchLabels: {app: ztunnel}}
                  rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}], \
                to: [{operation: {ports: ["15020"]}}]}]

                """, lab)
            try #expect(Shop.eventually { try !scrape("cart-0") })
            #expect(try scrape("web"))
        }
    }
}
