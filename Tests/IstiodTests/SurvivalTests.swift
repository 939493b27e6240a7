import Glibc
import Primitives
import System
import Testing

/// The nodes' traffic while their control plane fails them. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct SurvivalTests {
    /// What can go wrong with a control plane.
    enum Fault: CaseIterable { case killed, hung, partitioned, lying }

    /// Certificates hold 12 s, and renewals fall due while nobody answers.
    @Test(arguments: Fault.allCases) func `without a control plane no connection fails`(fault: Fault) throws {
        let world = try World(lifetime: 12)
        world.awaitReady()
        let traffic = try world.startTraffic()
        switch fault {
        case .killed: world.istiod.kill()
        case .hung: world.istiod.freeze()
        case .partitioned: for node in ["n1", "n2"] { try world.partition(node, true) }
        case .lying: lie(world.istiod)
        }
        usleep(7_500_000)
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 0,"), "\(result) \(world.ends)")
        #expect(!result.contains("\"made\": 0,"))
        let complaints = world.lines(of: "n1").filter { $0.contains("certificate could not be fetched") }
        if fault == .lying || fault == .killed {
            #expect(!complaints.isEmpty, "no renewal fell due")
        }
        #expect(complaints.allSatisfy { $0.contains("keeps_valid_certificate=true") }, "\(complaints)")
        switch fault {
        case .killed: return
        case .hung: world.istiod.thaw()
        case .partitioned: for node in ["n1", "n2"] { try world.partition(node, false) }
        case .lying:
            world.istiod.tell("ca", #""mode": "sign""#)
            world.istiod.tell("serve")
            world.istiod.tell("reset")
        }
        let before = world.certificateCount("web")
        #expect(world.wait(atMost: .seconds(40)) { world.certificateCount("web") > before }, "\(world.ends)")
        #expect(world.wait { (try? world.call("10.96.0.1")) == "hello\n" }, "\(world.ends)")
    }

    /// Nonsense of every kind, about what the traffic needs.
    private func lie(_ istiod: Istiod) {
        istiod.tell("ca", #""mode": "wrong identity""#)
        istiod.tell("put", Json.put("address", Json.workload("cart", address: "hex:0a", node: "n2", service: "cart")))
        istiod.tell("put", Json.put("address", #"{"name": "shop/cart.shop.svc.cluster.local", "hex": "12ffff"}"#))
        istiod.tell("send", #""hex": "ffffffff""#)
        istiod.tell("serve", #""name": "other.example""#)
        istiod.tell("reset")
        istiod.tell("serve", #""root": "stranger""#)
        istiod.tell("reset")
    }

    @Test func `another control plane with a root of its own takes over and no connection fails`() throws {
        let world = try World(lifetime: 12)
        world.awaitReady()
        let traffic = try world.startTraffic()
        usleep(1_000_000)
        try world.replaceControlPlane(lifetime: 12)
        let earlier = (world.certificateCount("web"), world.certificateCount("cart"))
        // Each node meets the new root when its own renewal falls due; well after the last old certificate has ended
        // both have shown the new ones.
        usleep(22_000_000)
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 0,"), "\(result) \(world.ends)")
        #expect(world.certificateCount("web") > earlier.0 + 1 && world.certificateCount("cart") > earlier.1 + 1)
    }

    @Test func `a rotation of root and intermediate under load fails no handshake`() throws {
        let world = try World(lifetime: 5)
        world.awaitReady()
        let traffic = try world.startTraffic()
        for step in [
            #""sign": "a/1", "roots": ["a"]"#, #""sign": "a/2", "roots": ["a", "b"]"#,
            #""sign": "b/1", "roots": ["a", "b"]"#, #""sign": "b/1", "roots": ["b"]"#,
        ] {
            let before = ["web", "cart"].map { world.certificateCount($0) }
            world.istiod.tell("ca", step)
            #expect(
                world.wait { zip(["web", "cart"], before).allSatisfy { world.certificateCount($0) >= $1 + 2 } },
                "\(world.ends)")
        }
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 0,"), "\(result) \(world.ends)")
    }

    @Test func `who comes before certificates are there waits for them`() throws {
        let world = try World(authority: ", \"delay\": 2")
        #expect(world.wait { world.istiod.count("enrolment") >= 3 }, "\(world.ends)")
        #expect(world.istiod.count("certificate") == 0)
        #expect(try world.call("10.96.0.1") == "hello\n", "\(world.ends)")
    }

    @Test func `who comes while a node that was killed loads its first state again waits for it`() throws {
        let world = try World()
        world.awaitReady()
        try world.partition("n1", true)
        try world.restart("n1")
        #expect(world.wait { world.listens("web") }, "\(world.ends)")
        #expect(world.lines(of: "n1").contains { $0.contains("connected to the interception agent") })
        let traffic = try world.startTraffic(pause: 0.5)
        usleep(1_000_000)
        try world.partition("n1", false)
        usleep(5_000_000)
        let result = try traffic.stop()
        #expect(result.contains("\"failed\": 0,"), "\(result) \(world.ends)")
        #expect(!result.contains("\"made\": 0,"))
    }

    @Test func `a pod that is new to the agent is refused while the mesh is not known, and taken on once it is`() throws
    {
        let world = try World()
        world.awaitReady()
        try world.partition("n1", true)
        world.withdraw("web", from: "n1")
        try world.restart("n1")
        let waits = { world.lines(of: "n1").contains { $0.contains("first state of the mesh is being loaded") } }
        #expect(world.wait(until: waits), "\(world.ends)")
        world.enrol("web", on: "n1")
        let reason = "failed to start proxy : the control plane has not told the mesh yet"
        #expect(world.wait { !world.istiod.all("enrolment", reason).isEmpty }, "\(world.ends)")
        #expect(!world.listens("web"))
        try world.partition("n1", false)
        #expect(world.wait { world.listens("web") }, "\(world.ends)")
    }

    @Test func `who waits for a certificate that does not come waits no longer than five seconds`() throws {
        let world = try World(authority: ", \"mode\": \"hang\"")
        #expect(world.wait { world.istiod.count("enrolment") >= 3 }, "\(world.ends)")
        let start = MonotonicClock.now()
        #expect(try world.call("10.96.0.1", seconds: 20) != "hello\n")
        let span = (MonotonicClock.now() - start).wholeMilliseconds
        #expect((4000...9000).contains(span), "\(span) ms")
        #expect(world.wait { world.lines(of: "n1").contains { $0.contains("did not come in time") } }, "\(world.ends)")
    }
}
