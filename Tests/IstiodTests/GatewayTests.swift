import System
import Testing

/// Calls to another network by way of Envoy, with real nodes on both sides. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct GatewayTests {
    @Test(arguments: TwoNetworks.GatewayForm.allCases)
    func `a service of another network is reached through its gateway`(form: TwoNetworks.GatewayForm) throws {
        let networks = try TwoNetworks(form)
        let (world, before) = (networks.world, networks.envoy.requestCount)
        #expect(try world.exchange("10.96.0.1") == "whole\n", "\(world.ends)")
        #expect(networks.envoy.requestCount == before + 1)
        let told = { (node: String, fields: [String]) in
            world.lines(of: node).contains { line in
                line.contains("connection complete") && fields.allSatisfy { line.contains($0) }
            }
        }
        let identity = { (account: String) in "identity=\"spiffe://cluster.local/ns/shop/sa/\(account)\"" }
        // The client's node knows by the second handshake who has answered, and the other one who calls.
        let near = [
            "dst.addr=10.78.1.9:15008", "dst.hbone_addr=\(TwoNetworks.hostname):80", "dst.workload=\"cart\"",
            "dst.\(identity("cart"))", "bytes_sent=1048576", "bytes_recv=1048576",
        ]
        let far = [
            "src.addr=10.78.1.9:", "src.workload=\"web\"", "src.\(identity("web"))", "dst.addr=10.78.1.2:15008",
            "dst.service=\"\(TwoNetworks.hostname)\"", "bytes_sent=1048576", "bytes_recv=1048576",
        ]
        #expect(world.wait { told("n1", near) && told("n2", far) }, "\(world.ends)")
    }

    @Test func `the node beyond a gateway decides by who is within, and a service that is not there is not had`() throws
    {
        let networks = try TwoNetworks()
        let world = networks.world
        let outcome = { ["web", "other"].map { (try? world.call("10.96.0.1", from: $0)) == "hello\n" } }
        #expect(outcome() == [true, true])
        for (account, expected) in [("web", [true, false]), ("other", [false, true]), ("gateway", [false, false])] {
            networks.admit(account)
            #expect(world.wait { outcome() == expected }, "\(account): \(world.ends)")
        }
        #expect(world.lines(of: "n1").contains { $0.contains("http status 401") }, "\(world.ends)")
        networks.admit("web")
        #expect(world.wait { outcome() == [true, false] }, "\(world.ends)")
        // The gateway does not carry what it is not there for.
        #expect(try world.call("10.96.0.2") != "hello\n")
        #expect(world.lines(of: "n1").contains { $0.contains("network gateway: http status 404") }, "\(world.ends)")
    }

    @Test func `calls leave their network when it has no healthy endpoint, and come back, and none fails`() throws {
        let networks = try TwoNetworks()
        let (world, envoy) = (networks.world, networks.envoy)
        networks.offer(local: "HEALTHY")
        #expect(networks.settle(within: true), "\(world.ends)")
        let first = try world.startTraffic()
        #expect(world.wait { first.hasBegun }, "\(world.ends)")
        networks.offer(local: "UNHEALTHY")
        #expect(networks.settle(within: false), "\(world.ends)")
        let second = try world.startTraffic()
        #expect(world.wait { second.hasBegun }, "\(world.ends)")
        // Beside its own eight that last there are new ones now, which all leave.
        let before = envoy.requestCount
        #expect(world.wait { envoy.requestCount >= before + 30 })
        networks.offer(local: "HEALTHY")
        #expect(networks.settle(within: true), "\(world.ends)")
        for traffic in [first, second] {
            let result = try traffic.stop()
            #expect(result.contains("\"failed\": 0,") && !result.contains("\"made\": 0,"), "\(result) \(world.ends)")
        }
    }

    @Test func `an endpoint whose application is gone leaves its service's calls to another network`() throws {
        let networks = try TwoNetworks()
        let world = networks.world
        networks.offer(local: "HEALTHY")
        #expect(networks.settle(within: true))
        _ = try networks.local.stop(within: .zero)
        let before = networks.envoy.requestCount
        for _ in 0..<5 { #expect(try world.call("10.96.0.1") == "hello\n", "\(world.ends)") }
        #expect(networks.envoy.requestCount == before + 5)
    }

    @Test func `beyond a gateway a node serves its own pods' services and addresses, and nothing else`() throws {
        let networks = try TwoNetworks()
        let world = networks.world
        let name = TwoNetworks.hostname
        let served = ["\(name):80", "10.78.1.2:8080"]
        let refused = [
            // A port that the service does not have, the node itself, another pod of this node, services' addresses.
            ("\(name):81", "503 "), ("127.0.0.1:8080", "400 "), ("[::1]:8080", "400 "), ("10.78.1.3:8080", "400 "),
            ("10.96.0.1:80", "400 "), ("10.96.0.3:80", "400 "), ("nobody.shop.svc.cluster.local:80", "503 "),
            ("gateway.example.com:80", "503 "), ("10.78.1.2:15008", "503 "), ("10.78.1.2:15001", "503 "),
        ]
        let answers = try world.ask(
            served + refused.map(\.0) + served, of: "10.78.1.9", through: "\(name):80")
        #expect(answers == ["200 hello", "200 hello"] + refused.map(\.1) + ["200 hello", "200 hello"])
        // Without the tunnel within, the gateway is no way to anything.
        #expect(try world.ask(["10.78.1.2:8080", "127.0.0.1:8080"], of: "10.78.1.9") == ["404 ", "404 "])
    }
}
