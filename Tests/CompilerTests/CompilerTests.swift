import Compiler
import Manifests
import Schema
import Testing

/// A namespace in the mesh with a Service and a pod as somebody without a cluster writes them.
private let shop = cluster()

private func cluster(
    annotations: String = "culvert.io/netns: /run/netns/cart-0", status: String = "podIP: 10.1.0.5"
) -> String {
    """
    {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
    ---
    {apiVersion: v1, kind: Node, metadata: {name: one, labels: {topology.kubernetes.io/zone: z}}}
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: cart, namespace: shop}
    spec:
      clusterIP: 10.96.0.5
      selector: {app: cart}
      ports: [{name: http, port: 80, targetPort: web}]
    ---
    apiVersion: v1
    kind: Pod
    metadata:
      name: cart-0
      namespace: shop
      labels: {app: cart}
      annotations: {\(annotations)}
    spec:
      nodeName: one
      serviceAccountName: cart
      containers: [{name: c, ports: [{name: web, containerPort: 8080}]}]
    status: {\(status)}

    """
}

private func compile(_ text: String, settings: MeshSettings = MeshSettings()) throws -> CompiledResources {
    var objects = ManifestSet()
    try objects.add(Array(text.utf8), file: "a.yaml")
    return Compiler.compile(objects, settings: settings)
}

private func cart(_ resources: CompiledResources) throws -> Workload {
    guard case .workload(let workload) = resources.addresses["Kubernetes//Pod/shop/cart-0"]?.kind else {
        throw Missing()
    }
    return workload
}

private struct Missing: Error {}

@Suite struct CompilerTests {
    @Test func `a pod without a cluster is a healthy workload behind its node proxy`() throws {
        let resources = try compile(shop)
        let workload = try cart(resources)
        #expect(workload.tunnelProtocol == .hbone)
        #expect(workload.status == .healthy)
        #expect(workload.addresses == [[10, 1, 0, 5]])
        #expect(workload.serviceAccount == "cart")
        #expect(workload.trustDomain == "")
        #expect(workload.locality?.zone == "z")
        #expect(workload.workloadType == .pod)
        let ports = workload.services["shop/cart.shop.svc.cluster.local"]?.ports
        #expect(ports?.map(\.targetPort) == [8080])
        guard case .service(let service) = resources.addresses["shop/cart.shop.svc.cluster.local"]?.kind else {
            throw Missing()
        }
        #expect(service.addresses.map(\.address) == [[10, 96, 0, 5]])
        #expect(service.ports.map(\.targetPort) == [0])
        #expect(service.ports.map(\.appProtocol) == [.http11])
        #expect(service.canonical)
    }

    @Test func `conditions count where there are some`() throws {
        let unready = cluster(status: "podIP: 10.1.0.5, conditions: [{type: Ready, status: 'False'}]")
        #expect(try cart(compile(unready)).status == .unhealthy)
        let foreign = cluster(annotations: "")
        let workload = try cart(compile(foreign))
        #expect(workload.status == .unhealthy)
        #expect(workload.tunnelProtocol == TunnelProtocol.none)
    }

    @Test func `the trust domain of the mesh configuration reaches the workloads`() throws {
        var settings = MeshSettings()
        try settings.apply(meshConfiguration: Array("trustDomain: example.org\nrootNamespace: mesh\nother: [1]".utf8))
        #expect(settings.rootNamespace == "mesh")
        #expect(try cart(compile(shop, settings: settings)).trustDomain == "example.org")
        #expect(throws: MeshSettingsError(line: 1, reason: "expected a string, found list")) {
            try settings.apply(meshConfiguration: Array("trustDomain: [a]".utf8))
        }
    }

    @Test func `a selector policy is listed by the pods it selects and by no others`() throws {
        let policy = { (label: String) in
            """
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: p, namespace: shop}
            spec:
              selector: {matchLabels: {app: \(label)}}
              rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]}]
            """
        }
        let selecting = try compile(shop + policy("cart"))
        #expect(try cart(selecting).authorizationPolicies == ["shop/p"])
        let sent = try #require(selecting.authorizations["shop/p"])
        #expect(sent.scope == .workloadSelector)
        #expect(
            sent.groups.first?.rules.first?.matches.first?.principals.first?.kind
                == .exact("cluster.local/ns/shop/sa/web"))
        #expect(try cart(compile(shop + policy("other"))).authorizationPolicies == [])
    }

    @Test func `an ALLOW rule that asks for HTTP allows nothing and a DENY rule denies more`() throws {
        let policy = { (action: String) in
            """
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: p, namespace: shop}
            spec:
              action: \(action)
              rules: [{to: [{operation: {ports: ["80"], methods: [GET]}}]}]
            """
        }
        #expect(try compile(shop + policy("ALLOW")).authorizations["shop/p"]?.groups == [])
        let denied = try #require(try compile(shop + policy("DENY")).authorizations["shop/p"])
        #expect(denied.groups.first?.rules.first?.matches.first?.destinationPorts == [80])
    }

    @Test func `strictness with an exception is one policy that knows both`() throws {
        let text = """
            ---
            {apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: d, namespace: istio-system},
             spec: {mtls: {mode: STRICT}}}
            ---
            {apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: e, namespace: shop},
             spec: {selector: {matchLabels: {app: cart}}, portLevelMtls: {8080: {mode: PERMISSIVE}}}}
            """
        let resources = try compile(shop + text)
        #expect(try cart(resources).authorizationPolicies == ["shop/converted_peer_authentication_e"])
        #expect(resources.authorizations.keys.contains("istio-system/istio_converted_static_strict"))
        let group = try #require(resources.authorizations["shop/converted_peer_authentication_e"]?.groups.first)
        #expect(group.rules.count == 2)
    }

    @Test func `the same objects give the same JSON`() throws {
        #expect(try compile(shop).json == compile(shop).json)
    }
}
