import Compiler
import Interception
import Manifests
import Schema
import Testing

@Suite struct DesiredPodsTests {
    private func desired(_ pods: String, node: String = "one") throws -> DesiredPods {
        var objects = ManifestSet()
        let namespace =
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}\n"
        try objects.add(Array("\(namespace)---\n\(pods)".utf8), file: "test.yaml")
        return DesiredPods(in: objects, node: node, settings: MeshSettings(), capturesDNSByDefault: false)
    }

    private func pod(_ extra: String = "", annotations: String = "culvert.io/netns: /run/netns/web") -> String {
        """
        apiVersion: v1
        kind: Pod
        metadata: {name: web, namespace: shop, annotations: {\(annotations)}}
        spec: {nodeName: one, serviceAccountName: web\(extra)}

        """
    }

    @Test func `a pod of the node in an enrolled namespace is wanted with its identity`() throws {
        let pods = try desired(pod())
        var info = WorkloadInfo()
        (info.name, info.namespace, info.serviceAccount) = ("web", "shop", "web")
        let expected = DesiredPod(
            pod: EnrolledPod(uid: "shop/web", info: info), namespacePath: "/run/netns/web",
            capture: CaptureOptions(capturesDNS: false))
        #expect(pods.enrolled == ["shop/web": expected])
        #expect(pods.living == ["shop/web"] && pods.remarks.isEmpty)
    }

    @Test func `pods of other nodes are nobody's business`() throws {
        #expect(try desired(pod(), node: "two") == DesiredPods())
    }

    @Test func `a pod on its node's network lives and is not enrolled`() throws {
        let pods = try desired(pod(", hostNetwork: true"))
        #expect(pods.enrolled.isEmpty && pods.living == ["shop/web"])
    }

    @Test func `a pod that has ended is gone`() throws {
        #expect(try desired(pod() + "status: {phase: Succeeded}\n") == DesiredPods())
    }

    @Test func `what cannot be followed is remarked upon`() throws {
        #expect(try desired(pod(annotations: "a: b")).remarks.count == 1)
        let odd = "culvert.io/netns: /run/netns/web, ambient.istio.io/dns-capture: maybe"
        #expect(try desired(pod(annotations: odd)).remarks.count == 1)
    }
}

@Suite struct EnrolmentPlanTests {
    private func pods(_ path: String = "/a", dns: String = "false", mode: String = "ambient") throws -> DesiredPods {
        var objects = ManifestSet()
        let text = """
            apiVersion: v1
            kind: Pod
            metadata:
              name: web
              labels: {istio.io/dataplane-mode: \(mode)}
              annotations: {culvert.io/netns: \(path), ambient.istio.io/dns-capture: "\(dns)"}
            spec: {nodeName: one}
            """
        try objects.add(Array(text.utf8), file: "test.yaml")
        return DesiredPods(in: objects, node: "one", settings: MeshSettings(), capturesDNSByDefault: false)
    }

    @Test func `a new pod is enrolled, an unchanged one left alone`() throws {
        let wanted = try pods()
        #expect(EnrolmentPlan(from: [:], to: wanted).enrolled.map(\.pod.uid) == ["default/web"])
        let plan = EnrolmentPlan(from: wanted.enrolled, to: wanted)
        #expect(plan.enrolled.isEmpty && plan.recaptured.isEmpty && plan.released.isEmpty && plan.forgotten.isEmpty)
    }

    @Test func `another namespace means enrolling again, other options capturing again`() throws {
        let before = try pods().enrolled
        #expect(try EnrolmentPlan(from: before, to: pods("/b")).enrolled.map(\.namespacePath) == ["/b"])
        let plan = try EnrolmentPlan(from: before, to: pods(dns: "true"))
        #expect(plan.recaptured.map(\.capture.capturesDNS) == [true] && plan.enrolled.isEmpty)
    }

    @Test func `a pod that lives on is released, one that is gone forgotten`() throws {
        let before = try pods().enrolled
        #expect(try EnrolmentPlan(from: before, to: pods(mode: "none")).released == ["default/web"])
        #expect(EnrolmentPlan(from: before, to: DesiredPods()).forgotten == ["default/web"])
    }
}
