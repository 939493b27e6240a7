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
        let vectors: [(String, Int, String, String?)] = [
            ("kind: Pod\nmetadata: {name: a}", 1, "apiVersion is missing", nil),
            ("apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}", 4, "metadata.name is missing", nil),
            (
                "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  labels: {v: 1}", 5,
                "expected a string, found integer", "Pod"
            ),
            (
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus:\n  podIPs:\n  - ip: 10.0.0.300", 6,
                "10.0.0.300 is no IP address", "Pod"
            ),
            (
                "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec:\n  rules:\n"
                    + "  - from:\n    - source:\n        principal: [x]", 8, "unknown field principal",
                "AuthorizationPolicy"
            ),
            (
                "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: a}\nspec:\n  mtls:\n"
                    + "    mode: strict", 6, "unknown mode strict", "PeerAuthentication"
            ),
            (
                "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Namespace\n"
                    + "metadata: {name: a}", 5, "is also in a.yaml, line 1", "Namespace"
            ),
            ("spec", 1, "expected a mapping, found string", nil),
        ]
        for (text, line, reason, kind) in vectors {
            let object = kind.map { kind in
                let namespace = kind == "Namespace" ? "" : "default"
                return ObjectKey(kind: kind, name: ObjectName(namespace: namespace, name: "a"))
            }
            let error = ManifestError(file: "a.yaml", line: line, object: object, reason: reason)
            #expect(throws: error, "\(text)") { _ = try load(text) }
        }
    }
}
