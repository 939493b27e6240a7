import Manifests
import Testing

@Suite struct ManifestSetTests {
    private func load(_ text: String) throws -> ManifestSet {
        var objects = ManifestSet()
        try objects.add(Array(text.utf8), file: "a.yaml")
        return objects
    }

    @Test func `objects are read, whatever else is in the folder`() throws {
        let objects = try load(
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: web, labels: {app: web}, annotations: {culvert.io/netns: /run/netns/web}}
            spec:
              nodeName: one
              containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]
            status: {podIPs: [{ip: 10.1.0.5}, {ip: "fd00::5"}]}
            ---
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: other}
            """)
        let pod = try #require(objects.pods[ObjectName(namespace: "default", name: "web")])
        #expect(pod.addresses.map(\.description) == ["10.1.0.5", "fd00::5"])
        #expect(pod.namedPorts == ["http": 8080])
        #expect(pod.isReady == nil)
        #expect(pod.phase == .running)
        #expect(pod.serviceAccount == "default")
        #expect(objects.pods.count == 1)
    }

    @Test func `the items of a list are objects`() throws {
        let objects = try load(
            """
            {"apiVersion": "v1", "kind": "List", "items": [
              {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}]}
            """)
        #expect(objects.namespaces.keys.sorted() == ["a"])
    }

    @Test func `a broken object is refused by file, line and reason`() {
        let vectors: [(String, Int, String)] = [
            ("kind: Pod\nmetadata: {name: a}", 1, "apiVersion is missing"),
            ("apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}", 4, "metadata.name is missing"),
            (
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {v: 1}", 5,
                "expected a string, found integer"
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus:\n  podIPs:\n  - ip: 10.0.0.300", 6,
                "10.0.0.300 is no IP address"
            ),
            (
                "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec:\n  rules:\n"
                    + "  - from:\n    - source:\n        principal: [x]", 8, "unknown field principal"
            ),
            (
                "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a}\nspec:\n  mtls:\n"
                    + "    mode: strict", 6, "unknown mode strict"
            ),
            (
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\n"
                    + "metadata: {name: a}", 5, "Namespace a is also in a.yaml, line 1"
            ),
            ("spec", 1, "expected a mapping, found string"),
        ]
        for (text, line, reason) in vectors {
            #expect(throws: ManifestError(file: "a.yaml", line: line, reason: reason), "\(text)") { _ = try load(text) }
        }
    }
}
