import Glibc
import Primitives
import System
import Testing

/// Certificates that come, are renewed and end while traffic goes on. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct RotationTests {
    private static let keepingTunnels = ["POOL_UNUSED_RELEASE_TIMEOUT": "60s"]

    @Test func `tunnels are replaced as certificates end, and no connection fails`() throws {
        let world = try World(lifetime: 6, environment: Self.keepingTunnels)
        world.awaitReady()
        let traffic = try world.startTraffic()
        usleep(20_000_000)
        // The eight that last hold their tunnel; new ones are made on another.
        let tunnels = try world.sockets(of: "web", to: 15008)
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 0,"), "\(result) \(world.ends)")
        #expect(tunnels >= 2, "\(tunnels)")
        #expect(world.certificateCount("web") >= 5)
    }

    @Test func `what outlives its peer's certificate for longer than it may is cut off, and nothing else`() throws {
        let world = try World(
            lifetime: 6,
            environment: Self.keepingTunnels.merging(["CULVERT_EXPIRED_TUNNEL_DURATION": "2s"]) { _, new in new })
        world.awaitReady()
        let traffic = try world.startTraffic()
        usleep(15_000_000)
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 8,"), "\(result) \(world.ends)")
        #expect(result.contains(" lasting: ") && !result.contains(" new: "), "\(result)")
        let log = world.lines(of: "n1") + world.lines(of: "n2")
        #expect(log.contains { $0.contains("connection complete") && $0.contains("peer's certificate has expired") })
    }

    @Test func `certificates are fetched as the mesh tells of workloads, eight at a time`() throws {
        let world = try World()
        world.awaitReady()
        world.istiod.tell("ca", #""delay": 0.4"#)
        let announced = (0..<20).map { Json.workload("w\($0)", address: "10.79.0.\($0 + 1)", node: "n1") }
        world.istiod.tell("put", "\"type\": \"address\", \"resources\": [\(announced.joined(separator: ", "))]")
        #expect(world.wait { (0..<20).allSatisfy { world.certificateCount("w\($0)") == 1 } }, "\(world.ends)")
        let requests = world.istiod.all("certificate request", "sa/w")
        #expect(requests.contains { $0.contains("\"concurrent\": 8") })
        #expect(!requests.contains { $0.contains("\"concurrent\": 9") })
        // Those of other nodes, and those that take no tunnels, are none of ours.
        world.istiod.tell(
            "put",
            Json.put(
                "address", Json.workload("far", address: "10.79.1.1", node: "n3"),
                Json.workload("plain", address: "10.79.1.2", node: "n1", hbone: false),
                Json.workload("near", address: "10.79.1.3", node: "n1")))
        #expect(world.wait { world.certificateCount("near") == 1 })
        #expect(world.certificateCount("far") == 0 && world.certificateCount("plain") == 0)
    }

    @Test func `a pod that is started again finds its certificate`() throws {
        let world = try World()
        world.awaitReady()
        world.withdraw("web", from: "n1")
        world.istiod.tell("remove", #""type": "address", "names": ["Kubernetes//Pod/shop/web"]"#)
        #expect(world.wait { world.lines(of: "n1").contains { $0.contains("pod removed") } }, "\(world.ends)")
        try world.populate()
        #expect(world.wait { (try? world.call("10.96.0.1")) == "hello\n" }, "\(world.ends)")
        #expect(world.certificateCount("web") == 1)
    }

    /// Where Debian has the FIPS provider; the toolchain's root has it.
    private static let module = "/usr/lib/x86_64-linux-gnu/ossl-modules/fips.so"

    @Test(.enabled(if: (try? FileSystem.status(of: module)) != nil, "no FIPS provider: openssl-provider-fips"))
    func `nodes that are bound to the FIPS provider carry traffic with its cryptography only`() throws {
        let folder = "/tmp/culvert-fips-\(String(Entropy.uint64(), radix: 16))"
        try FileSystem.makeDirectory(folder, mode: 0o755)
        defer { _ = try? ChildProcess.run(["rm", "-rf", folder]) }
        let configuration = """
            openssl_conf = start
            .include \(folder)/module
            [start]
            providers = all
            [all]
            fips = fips_sect

            """
        try World.run("openssl", "fipsinstall", "-quiet", "-out", "\(folder)/module", "-module", Self.module)
        try FileSystem.write(Array(configuration.utf8), to: "\(folder)/openssl.cnf", mode: 0o644)
        let world = try World(
            environment: ["COMPLIANCE_POLICY": "fips", "OPENSSL_CONF": "\(folder)/openssl.cnf"])
        world.awaitReady()
        let traffic = try world.startTraffic()
        usleep(2_000_000)
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 0,") && !result.contains("\"made\": 0,"), "\(result) \(world.ends)")
        #expect(try world.handshake(offering: "P-256").contains("prime256v1"))
        #expect(try world.handshake(offering: "X25519").contains("handshake failure"))
    }
}
