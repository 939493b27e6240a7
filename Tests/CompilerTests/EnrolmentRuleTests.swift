import Compiler
import Manifests
import Testing

@Suite struct EnrolmentRuleTests {
    private func pod(
        namespace: String = "app", labels: String = "", annotations: String = "", spec: String = ""
    ) throws -> (Pod, Namespace?) {
        var objects = ManifestSet()
        let text = """
            {apiVersion: v1, kind: Namespace, metadata: {name: app, labels: {istio.io/dataplane-mode: ambient}}}
            ---
            {apiVersion: v1, kind: Namespace, metadata: {name: plain}}
            ---
            apiVersion: v1
            kind: Pod
            metadata: {name: p, namespace: \(namespace), labels: {\(labels)}, annotations: {\(annotations)}}
            spec: {\(spec)}
            """
        try objects.add(Array(text.utf8), file: "a.yaml")
        return (try #require(objects.pods.values.first), objects.namespaces[namespace])
    }

    @Test func `label and namespace decide, exclusions come first`() throws {
        let ambient = "istio.io/dataplane-mode: ambient"
        let vectors: [(namespace: String, labels: String, annotations: String, spec: String, selected: Bool)] = [
            ("app", "", "", "", true),
            ("app", "istio.io/dataplane-mode: none", "", "", false),
            ("app", "istio.io/dataplane-mode: other", "", "", true),
            ("app", "", "sidecar.istio.io/status: x", "", false),
            ("app", "", "", "hostNetwork: true", false),
            ("plain", "", "", "", false),
            ("plain", ambient, "", "", true),
            ("missing", ambient, "", "", true),
            ("kube-system", ambient, "", "", false),
            ("istio-system", "\(ambient), app: ztunnel", "", "", false),
        ]
        for vector in vectors {
            let (pod, namespace) = try pod(
                namespace: vector.namespace, labels: vector.labels, annotations: vector.annotations, spec: vector.spec)
            let selected = EnrolmentRule.selects(pod, in: namespace, settings: MeshSettings())
            #expect(selected == vector.selected, "\(vector)")
        }
    }

    @Test func `a pod with a network namespace is redirected when it is selected`() throws {
        let vectors: [(namespace: String, annotations: String, redirected: Bool)] = [
            ("app", "culvert.io/netns: /run/netns/p", true),
            ("plain", "culvert.io/netns: /run/netns/p", false),
            ("app", "", false),
            ("plain", "ambient.istio.io/redirection: enabled", true),
            ("app", "ambient.istio.io/redirection: pending", false),
        ]
        for vector in vectors {
            let (pod, namespace) = try pod(namespace: vector.namespace, annotations: vector.annotations)
            let redirected = EnrolmentRule.isRedirected(pod, in: namespace, settings: MeshSettings())
            #expect(redirected == vector.redirected, "\(vector)")
        }
    }
}
