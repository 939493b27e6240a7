import System
import Testing

/// `culvert-node` for one workload, with a mesh that the operator wrote down, asked by programs that we did not write.
/// Needs root.
@Suite struct DedicatedNodeTests {
    private static func mesh(_ address: String) -> String {
        """
        workloads:
        - {uid: web, name: web, namespace: shop, serviceAccount: web, node: one, workloadIps: [10.1.0.1]}
        services:
        - {name: cart, namespace: shop, hostname: cart.shop.svc.cluster.local, vips: [/\(address)], ports: {80: 8080}}

        """
    }

    private static let environment = [
        "PROXY_MODE=dedicated", "PROXY_WORKLOAD_INFO=shop/web/web", "NODE_NAME=one", "XDS_ADDRESS=", "CA_ADDRESS=",
        "LOCAL_XDS_PATH=mesh.yaml", "PROXY_CONFIG={proxyAdminPort: 15077, concurrency: 1}",
    ]

    private func lookUp(_ place: Place) throws -> String {
        try place.run([
            "dig", "+short", "+time=1", "+tries=1", "@127.0.0.1", "-p", "15053", "cart.shop.svc.cluster.local",
        ])
    }

    private func status(_ place: Place, _ address: String) throws -> String {
        try place.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "2", "http://\(address)"])
    }

    @Test func `a mesh in a file is followed as it changes, and a broken one changes nothing`() throws {
        let place = try Place()
        try place.write("mesh.yaml", Self.mesh("10.96.0.1"))
        let node = try place.start([try program("culvert-node")], Self.environment)
        #expect(try eventually { try lookUp(place) == "10.96.0.1\n" }, "\(place.text("log"))")
        #expect(try status(place, "127.0.0.1:15021/healthz/ready") == "200")
        #expect(try status(place, "127.0.0.1:15077/quitquitquit") == "405")
        #expect(try eventually { place.text("log").contains("workers=1") })

        try place.write("mesh.yaml", Self.mesh("10.96.0.2"))
        #expect(try eventually { try lookUp(place) == "10.96.0.2\n" })
        try place.write("mesh.yaml", "services:\n- {hostname: [}\n")
        #expect(try eventually { place.text("log").contains("local resources refused") })
        #expect(try lookUp(place) == "10.96.0.2\n")
        try place.write("mesh.yaml", Self.mesh("10.96.0.3"))
        #expect(try eventually { try lookUp(place) == "10.96.0.3\n" })

        node.send(signal: 15)
        #expect(try node.wait(atMost: .seconds(10)) == .exited(0))
    }

    @Test func `only names are answered where connections are not to be carried`() throws {
        let place = try Place()
        try place.write("mesh.yaml", Self.mesh("10.96.0.1"))
        _ = try place.start([try program("culvert-node")], Self.environment + ["ENABLE_PROXY=false"])
        #expect(try eventually { try lookUp(place) == "10.96.0.1\n" }, "\(place.text("log"))")
        let listening = try place.run(["ss", "-Hltn"])
        #expect(listening.contains(":15053") && !listening.contains(":15001") && !listening.contains(":15008"))
    }

    @Test func `connections are listened for while the control plane is not to be had`() throws {
        let place = try Place()
        let environment = Self.environment.filter { !$0.hasPrefix("XDS_") && !$0.hasPrefix("LOCAL_XDS") }
        _ = try place.start([try program("culvert-node")], environment + ["XDS_ADDRESS=https://127.0.0.1:1"])
        #expect(try eventually { try place.run(["ss", "-Hltn"]).contains(":15001 ") }, "\(place.text("log"))")
        #expect(try status(place, "127.0.0.1:15021/healthz/ready") == "500")
    }

    @Test func `the mesh configuration counts, and PROXY_CONFIG before it`() throws {
        let place = try Place()
        _ = try place.run(["mkdir", "-p", "\(place.folder)/etc/istio/config"])
        let mesh = """
            trustDomain: elsewhere
            defaultConfig: {proxyAdminPort: 15088, concurrency: 3, proxyMetadata: {DNS_CAPTURE: false}, tracing: {}}

            """
        try FileSystem.write(Array(mesh.utf8), to: "\(place.folder)/etc/istio/config/mesh", mode: 0o644)
        try place.write("mesh.yaml", Self.mesh("10.96.0.1"))
        _ = try place.start([try program("culvert-node")], Self.environment)
        #expect(try eventually { try status(place, "127.0.0.1:15077/quitquitquit") == "405" }, "\(place.text("log"))")
        #expect(try eventually { place.text("log").contains("workers=1") })
        let remark = "of no effect here, in the proxy's configuration: tracing"
        #expect(try eventually { place.text("log").contains(remark) })
        #expect(try eventually { try place.run(["ss", "-Hltn"]).contains(":15008") })
        #expect(try !place.run(["ss", "-Hltn"]).contains(":15053"))
    }
}
