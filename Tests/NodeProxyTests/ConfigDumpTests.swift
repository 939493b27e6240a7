import Glibc
import Mesh
import Policy
import Primitives
import System
import Testing
import Wire

@testable import NodeProxy

/// The dump as Python's JSON reader sees it.
@Suite(.serialized) struct ConfigDumpTests {
    /// What a Python expression gives for the dump `d`, in JSON with sorted keys.
    private static func evaluate(_ expression: String, _ dump: [UInt8]) throws -> String {
        let program = "import json,sys,base64; d=json.load(sys.stdin); print(json.dumps(\(expression),sort_keys=True))"
        let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        let result = try ChildProcess.run(["\(repository)/.build/peers/bin/python", "-c", program], input: dump)
        try #require(result.status == .exited(0), "\(String(decoding: result.errors, as: UTF8.self))")
        return String(decoding: result.output, as: UTF8.self).split(separator: "\n").joined(separator: "\n")
    }

    private static func dump(_ state: MeshState) -> [UInt8] {
        ConfigDump(
            pending: ["state manager"], configuration: NodeConfiguration(), state: state, identities: [], pods: [],
            progress: DiscoveryProgress()
        ).json()
    }

    @Test func `workloads, services and policies have ztunnel's keys and values`() throws {
        var state = MeshState(settings: MeshSettings(node: "node1"))
        let wide = Service(
            name: "wide", namespace: "shop", hostname: "wide.shop.svc.cluster.local",
            prefixes: [NetworkPrefix(network: "", prefix: try #require(IPPrefix("10.97.0.0/16")))],
            ports: [80: 8080],
            waypoint: .address(NetworkAddress(network: "", address: IPAddress(v4: 0x0af4_4005)), port: 15008),
            loadBalancing: LoadBalancing(mode: .failover, preferences: [.network, .region, .zone]), isCanonical: true)
        state.insert(wide)
        state.insert(
            Workload(
                uid: "Kubernetes//Pod/shop/cart-0", name: "cart-0", namespace: "shop", serviceAccount: "cart",
                addresses: [IPAddress(v4: 0x0af4_4003)], node: "node2", locality: Locality(region: "r1", zone: "z2"),
                workloadType: .deployment, workloadName: "cart", canonicalName: "cart", canonicalRevision: "v2",
                tunnelProtocol: .hbone, services: [.init(wide.key, ports: PortMap())]))
        var match = PolicyMatch()
        match.destinationPorts.noneOf = [9999]
        match.principals.anyOf = [.exact("cluster.local/ns/shop/sa/admin"), .presence]
        state.policies.insert(
            AuthorizationPolicy(
                name: "only-admin", namespace: "vault", scope: .namespace, action: .allow,
                rules: [PolicyRule(clauses: [[match]])]))
        let dump = Self.dump(state)
        #expect(
            try Self.evaluate("d['workloads']", dump) == #"""
                [{"canonicalName": "cart", "canonicalRevision": "v2", "capacity": 1, \#
                "clusterId": "Kubernetes", "locality": {"region": "r1", "subzone": "", "zone": "z2"}, \#
                "name": "cart-0", "namespace": "shop", "networkMode": "Standard", "node": "node2", \#
                "protocol": "HBONE", "serviceAccount": "cart", \#
                "services": ["shop/wide.shop.svc.cluster.local"], "status": "Healthy", \#
                "trustDomain": "cluster.local", "uid": "Kubernetes//Pod/shop/cart-0", \#
                "workloadIps": ["10.244.64.3"], "workloadName": "cart", "workloadType": "deployment"}]
                """#)
        #expect(
            try Self.evaluate("d['services']", dump) == #"""
                [{"canonical": true, "cidrVips": [{"cidr": "10.97.0.0/16", "network": ""}], \#
                "endpoints": {"Kubernetes//Pod/shop/cart-0": {"port": {"80": 8080}, "status": "Healthy", \#
                "workloadUid": "Kubernetes//Pod/shop/cart-0"}}, "hostname": "wide.shop.svc.cluster.local", \#
                "loadBalancer": {"healthPolicy": "OnlyHealthy", "mode": "Failover", \#
                "routingPreferences": ["Network", "Region", "Zone"]}, "name": "wide", "namespace": "shop", \#
                "ports": {"80": 8080}, "subjectAltNames": [], "vips": [], "visibility": "Public", \#
                "waypoint": {"destination": "/10.244.64.5", "hboneMtlsPort": 15008}}]
                """#)
        #expect(
            try Self.evaluate("d['policies']", dump) == #"""
                [{"action": "Allow", "dryRun": false, "name": "only-admin", "namespace": "vault", \#
                "rules": [[[{"notDestinationPorts": [9999], \#
                "principals": [{"Exact": "cluster.local/ns/shop/sa/admin"}, {"Presence": []}]}]]], \#
                "scope": "Namespace"}]
                """#)
        #expect(try Self.evaluate("[d['discovery']['firstLoad'], d['discovery']['pending']]", dump).contains("state"))
        #expect(
            try Self.evaluate("sorted(d)", dump) == #"""
                ["certificates", "config", "discovery", "policies", "services", "stagedServices", \#
                "staticConfig", "version", "workloadState", "workloads"]
                """#)
    }

    @Test func `endpoints of services that have not come are staged`() throws {
        var state = MeshState(settings: MeshSettings(node: "n1"))
        let key = NamespacedHostname(namespace: "shop", hostname: "late.shop")
        state.insert(Workload(uid: "u", name: "w", namespace: "shop", services: [.init(key, ports: [80: 81])]))
        #expect(
            try Self.evaluate("d['stagedServices']", Self.dump(state)) == #"""
                {"shop/late.shop": {"u": {"port": {"80": 81}, "status": "Healthy", "workloadUid": "u"}}}
                """#)
    }

    @Test func `the certificate of a workload that left the mesh before its pod is not kept`() throws {
        let node = try TestNode()
        _ = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        let name = node.cart.workload.uid
        node.publish { $0.removeAddress(named: name) }
        try node.unenrol(node.cart)
        let page = Mailbag()
        node.perform { node in node.dump(pending: [], isConnected: true) { page.deliver($0) } }
        let dump = try #require(try eventually { page.content })
        try #expect(Self.evaluate("[c['identity'][34:] for c in d['certificates']]", dump) == #"["web"]"#)
        withExtendedLifetime(client) {}
    }

    @Test func `connections, pods and certificates are shown, and no key`() throws {
        let node = try TestNode()
        let listener = try node.cart.listen(8080)
        let client = try node.web.connect(Endpoint(node.cart.address, port: 8080))
        _ = try node.accept(listener)
        let page = Mailbag()
        node.perform { node in node.dump(pending: [], isConnected: true) { page.deliver($0) } }
        let dump = try #require(try eventually { page.content })
        let pods = "{i['info']['name']:i for i in d['workloadState'].values()}"
        #expect(
            try Self.evaluate(
                "[(c['originalDst'],c['actualDst'],c['protocol']) for c in \(pods)['web']['connections']['outbound']]",
                dump) == #"[["10.77.0.2:8080", "10.77.0.2:15008", "HBONE"]]"#)
        #expect(
            try Self.evaluate(
                "[(c['actualDst'],c['protocol']) for c in \(pods)['cart']['connections']['inbound']]", dump)
                == #"[["10.77.0.2:8080", "HBONE"]]"#)
        #expect(
            try Self.evaluate("[\(pods)['web']['state'], \(pods)['web']['info']['serviceAccount']]", dump)
                == #"["Up", "web"]"#)
        #expect(
            try Self.evaluate(
                "[(c['identity'][34:],c['state'],len(c['certChain']),len(c['rootCerts'])) for c in d['certificates']]",
                dump)
                == #"[["cart", "Available", 1, 1], ["web", "Available", 1, 1]]"#
        )
        let first = "d['certificates'][0]['certChain'][0]"
        #expect(
            try Self.evaluate("base64.b64decode(\(first)['pem']).decode()[:27]", dump).contains("BEGIN CERTIFICATE"))
        #expect(
            try Self.evaluate("\(first)['expirationTime'][-1] + str(\(first)['serialNumber'].isdigit())", dump)
                == #""ZTrue""#)
        #expect(!String(decoding: dump, as: UTF8.self).contains("PRIVATE"))
        withExtendedLifetime(client) {}
    }
}
