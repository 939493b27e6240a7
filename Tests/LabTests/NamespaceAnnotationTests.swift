import Manifests
import Testing

@testable import Lab

@Suite struct NamespaceAnnotationTests {
    private func annotate(_ text: String) throws -> String {
        try NamespaceAnnotation.annotate(text, file: "f.yaml") { pod in
            pod.namespace == "shop" ? "/run/netns/x-\(pod.name)" : nil
        }
    }

    @Test func `a pod in block style gets annotations before its first key, comments stay`() throws {
        let text = """
            # a shop
            kind: Pod
            metadata:
              name: web  # the front
              namespace: shop
            """
        #expect(
            try annotate(text) == """
                # a shop
                kind: Pod
                metadata:
                  annotations:
                    "culvert.io/netns": "/run/netns/x-web"
                  name: web  # the front
                  namespace: shop
                """)
    }

    @Test func `annotations that are there are joined`() throws {
        let text = "kind: Pod\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    a: b\n"
        #expect(
            try annotate(text).contains("  annotations:\n    \"culvert.io/netns\": \"/run/netns/x-web\"\n    a: b\n"))
    }

    @Test(arguments: [
        "kind: Pod\nmetadata: {name: web, namespace: shop}\n",
        "kind: Pod\nmetadata: {name: web, namespace: shop, annotations: {a: b}}\n",
        "kind: Pod\nmetadata:\n  name: web\n  namespace: shop\n  annotations: {a: b}\n",
        #"{"kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}"#,
    ])
    func `flow style and JSON are annotated too`(text: String) throws {
        #expect(try annotate(text).contains(#""culvert.io/netns": "/run/netns/x-web""#))
        #expect(try annotate(text).contains("a: b") == text.contains("a: b"))
    }

    @Test func `only pods with a place are touched, in any document of a file`() throws {
        let service = "kind: Service\nmetadata:\n  name: web\n  namespace: shop\n"
        let other = "kind: Pod\nmetadata:\n  name: web\n  namespace: street\n"
        let pod = "kind: Pod\nmetadata:\n  name: web\n  namespace: shop\n"
        let result = try annotate("\(service)---\n\(other)---\n\(pod)")
        #expect(result.hasPrefix("\(service)---\n\(other)---\n"))
        #expect(result.contains("x-web"))
    }

    @Test func `what cannot be edited by lines, or has a place already, is refused`() {
        #expect(throws: LabFailure.self) { try annotate("kind: Pod\nmetadata:\n  {name: web,\n   namespace: shop}\n") }
        #expect(throws: LabFailure.self) {
            try annotate("kind: Pod\nmetadata: {name: web, namespace: shop, annotations: {culvert.io/netns: /x}}\n")
        }
    }
}
