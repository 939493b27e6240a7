import Compiler
import Manifests
import Schema
import Testing

/// ServiceEntries, WorkloadEntries and what is visible.
@Suite struct EntryTests {
    private func compile(_ text: String, settings: MeshSettings = MeshSettings()) throws -> CompiledResources {
        var objects = ManifestSet()
        try objects.add(Array(text.utf8), file: "a.yaml")
        return Compiler.compile(objects, settings: settings)
    }

    private func entry(
        _ name: String, in namespace: String = "shop", created: String = "", _ spec: String
    ) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: \(name), namespace: \(namespace), creationTimestamp: "\(created)"}
        spec: {ports: [{name: db, number: 5432, protocol: TCP}], \(spec)}
        ---

        """
    }

    private func service(_ name: String, in resources: CompiledResources) -> Schema.Service? {
        if case .service(let service) = resources.addresses[name]?.kind { service } else { nil }
    }

    private func workload(_ uid: String, in resources: CompiledResources) -> Schema.Workload? {
        if case .workload(let workload) = resources.addresses["Kubernetes/\(uid)"]?.kind { workload } else { nil }
    }

    @Test func `an entry with addresses is a service with its endpoints`() throws {
        let resources = try compile(
            entry(
                "db",
                """
                hosts: [db.example.com], addresses: [198.51.100.9/24, 240.1.1.1], resolution: STATIC,
                endpoints: [{address: 192.0.2.1, ports: {db: 15432}, weight: 3, locality: r/z}, {address: 192.0.2.2}]
                """))
        let db = try #require(service("shop/db.example.com", in: resources))
        #expect(db.addresses.map(\.address) == [[198, 51, 100, 0], [240, 1, 1, 1]])
        #expect(db.addresses.map(\.length) == [24, nil] && db.canonical && db.loadBalancing == nil)
        let one = try #require(workload("networking.istio.io/ServiceEntry/shop/db/192.0.2.1", in: resources))
        #expect(one.services["shop/db.example.com"]?.ports.map(\.targetPort) == [15432])
        #expect(one.capacity?.value == 3 && one.locality?.zone == "z" && one.canonicalName == "db")
        #expect(resources.addresses.count == 3)
    }

    @Test func `hosts that are to be looked up are workloads by name, and those that are not pass through`() throws {
        let resources = try compile(
            entry("named", "hosts: [a.example.com, b.example.com], resolution: DNS")
                + entry("through", "hosts: ['*.example.org'], addresses: [240.1.1.2]"))
        let named = try #require(workload("networking.istio.io/ServiceEntry/shop/named/a.example.com", in: resources))
        #expect(named.hostname == "a.example.com" && named.addresses.isEmpty)
        #expect(named.services.keys.sorted() == ["shop/a.example.com"])
        let through = try #require(service("shop/*.example.org", in: resources))
        #expect(through.loadBalancing?.mode == .passthrough && through.loadBalancing?.healthPolicy == .allowAll)
        #expect(resources.addresses.count == 5)
    }

    @Test func `a Service goes before an entry, and an older entry before a younger one`() throws {
        let cart = """
            {apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {ports: [{port: 80}]}}
            ---

            """
        let fixed = "resolution: STATIC, endpoints: [{address: 192.0.2.1}], hosts: "
        let resources = try compile(
            cart + entry("same", fixed + "[cart.shop.svc.cluster.local]")
                + entry("away", in: "mall", fixed + "[cart.shop.svc.cluster.local]")
                + entry("old", created: "2026-01-01T00:00:00Z", fixed + "[x.example.com]")
                + entry("new", in: "mall", created: "2026-01-02T00:00:00Z", fixed + "[x.example.com]")
                + entry("late", created: "2026-01-03T00:00:00Z", fixed + "[x.example.com, y.example.com]"))
        #expect(service("shop/cart.shop.svc.cluster.local", in: resources)?.name == "cart")
        #expect(service("mall/cart.shop.svc.cluster.local", in: resources)?.canonical == false)
        #expect(service("shop/x.example.com", in: resources)?.name == "old")
        #expect(service("shop/x.example.com", in: resources)?.canonical == true)
        #expect(service("mall/x.example.com", in: resources)?.canonical == false)
        #expect(workload("networking.istio.io/ServiceEntry/shop/same/192.0.2.1", in: resources) == nil)
        let late = try #require(workload("networking.istio.io/ServiceEntry/shop/late/192.0.2.1", in: resources))
        #expect(late.services.keys.sorted() == ["shop/y.example.com"])
    }

    @Test func `machines are selected by Services and by entries, and keep their ports' own numbers`() throws {
        let machine = """
            apiVersion: networking.istio.io/v1
            kind: WorkloadEntry
            metadata: {name: vm, namespace: shop, labels: {app: db}}
            spec: {address: 192.0.2.7, serviceAccount: vm, network: far, labels: {app: other},
              ports: {db: 6000, web: 8080}}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: s, namespace: shop}
            spec: {selector: {app: db}, ports: [{name: a, port: 80, targetPort: web},
              {name: b, port: 81, targetPort: no}, {name: db, port: 82, targetPort: 9},
              {name: d, port: 83, targetPort: 9}]}
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: only, namespace: shop}
            spec: {selector: {matchLabels: {app: db}}, rules: [{}]}
            ---

            """
        let resources = try compile(
            machine + entry("e", "hosts: [e.example.com], resolution: STATIC, workloadSelector: {labels: {app: db}}"))
        let vm = try #require(workload("networking.istio.io/WorkloadEntry/shop/vm", in: resources))
        #expect(vm.services["shop/e.example.com"]?.ports.map(\.targetPort) == [6000])
        let ports = vm.services["shop/s.shop.svc.cluster.local"]?.ports ?? []
        #expect(ports.map(\.servicePort) == [80, 82, 83] && ports.map(\.targetPort) == [8080, 6000, 9])
        #expect(vm.serviceAccount == "vm" && vm.network == "far" && vm.authorizationPolicies == ["shop/only"])
        #expect(vm.canonicalName == "db" && vm.tunnelProtocol == .none)
    }

    @Test func `what lies in a namespace that no discovery selector selects is not known`() throws {
        var settings = MeshSettings()
        try settings.apply(
            meshConfiguration: Array("discoverySelectors: [{matchLabels: {mesh: a}}, {matchLabels: {mesh: b}}]".utf8))
        let namespaces = """
            {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {mesh: b}}}
            ---
            {apiVersion: v1, kind: Namespace, metadata: {name: mall, labels: {mesh: c}}}
            ---

            """
        let text = namespaces + entry("e", "hosts: [e.example.com]") + entry("f", in: "mall", "hosts: [f.example.com]")
        #expect(try compile(text, settings: settings).addresses.keys.sorted() == ["shop/e.example.com"])
        #expect(try compile(text).addresses.count == 2)
    }

    @Test(arguments: [
        ("hosts: [a], addresses: [10.0.0.0/33]", "is no IP range"),
        ("hosts: [a], resolution: LATER", "unknown resolution"),
        ("hosts: [a], endpoints: [{address: 10.0.0.1, ports: {db: 0}}]", "is not in 1...65535"),
    ])
    func `an entry that means nothing is refused`(spec: String, reason: String) {
        let error = #expect(throws: ManifestError.self) { try compile(entry("e", spec)) }
        #expect(error?.reason.contains(reason) == true)
    }
}
