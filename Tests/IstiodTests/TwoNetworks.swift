import Primitives
import System
import Testing

/// Two networks, `near` with n1 and `far` with n2, and Envoy as the gateway of `far`. Each node is told what the
/// control plane of its own cluster would say: n1 knows of cart only that its network has it.
final class TwoNetworks {
    /// The only way to cart's node from elsewhere.
    private static let gatewayAddress = "10.78.1.9"
    static let hostname = "cart.shop.svc.cluster.local"
    let world: World
    let envoy: Envoy
    /// The application of the endpoint in n1's own network.
    let local: ChildProcess

    /// How n1 is told of the gateway.
    enum GatewayForm: CaseIterable { case address, service, name }

    init(_ form: GatewayForm = .address) throws {
        world = try World(
            pods: [
                .init(name: "gateway", address: Self.gatewayAddress), .init(name: "stranger", address: "10.78.1.8"),
                .init(name: "other", address: "10.78.1.5", node: "n1"),
                .init(name: "local", address: "10.78.1.4", node: "n1"),
            ],
            names: form == .name ? ["gate.example.com=\(Self.gatewayAddress)"] : [],
            settings: { _, node in ["NETWORK": node == "n1" ? "near" : "far"] },
            prepare: { istiod in
                Self.tell(istiod, form)
                Self.offer(local: "", istiod)
            })
        envoy = try Envoy(
            ["server", "--application", "10.78.1.2:15008", "--authority", "\(Self.hostname):80"], in: "gateway",
            as: "gateway", of: world)
        let rule = "-A INPUT -p tcp --dport 15008 ! -s \(Self.gatewayAddress) -j REJECT --reject-with tcp-reset"
        _ = try NetworkNamespace.open(path: "/run/netns/\(world.prefix)-cart").perform { () throws(Errno) in
            try ChildProcess.run(["iptables"] + rule.split(separator: " ").map(String.init))
        }
        local = try world.serve(in: "local")
        #expect(world.wait { world.listens("web") && world.listens("other") && world.listens("local") })
        #expect(world.wait { (try? world.call("10.96.0.1")) == "hello\n" }, "\(world.ends)")
    }

    /// What the control planes say of their own pods and of each other's.
    private static func tell(_ istiod: Istiod, _ form: GatewayForm) {
        let gateway =
            switch form {
            case .address: "\"address\": {\"network\": \"far\", \"address\": \"\(gatewayAddress)\"}"
            case .service: #""hostname": {"namespace": "shop", "hostname": "gate.shop.svc.cluster.local"}"#
            case .name: #""hostname": {"namespace": "shop", "hostname": "gate.example.com"}"#
            }
        let port = form == .service ? 15010 : 15008
        let way = ", \"networkGateway\": {\(gateway), \"hboneMtlsPort\": \(port)}"
        let near = ["web": "10.78.1.1", "other": "10.78.1.5"].map { name, address in
            only("n1", Json.workload(name, address: address, node: "n1", more: network("near")))
        }
        istiod.tell(
            "put",
            Json.put(
                "address", near[0], near[1], only("n2", cart(policy: nil)), only("n1", gate(form)),
                // n2 knows its own gateway as a pod; what comes from there must not be taken for its own doing.
                only("n2", Json.workload("eastwest", address: gatewayAddress, node: "n2", more: network("far"))),
                only("n2", Json.workload("idle", address: "10.78.1.3", node: "n2", more: network("far"))),
                only("n1", standIn("cart", way)), only("n1", standIn("else", way)),
                only("n1", entrance), service("cart", "10.96.0.1"), service("else", "10.96.0.2"),
                service("idle", "10.96.0.3")))
    }

    /// Tells n1 of an endpoint in its own network, which is preferred, with this status; none when that is empty.
    func offer(local status: String) { Self.offer(local: status, world.istiod) }

    private static func offer(local status: String, _ istiod: Istiod) {
        let more = network("near") + (status.isEmpty ? "" : ", \"status\": \"\(status)\"")
        let local = Json.workload(
            "local", address: "10.78.1.4", node: "n1", service: status.isEmpty ? nil : "cart", more: more)
        istiod.tell("put", Json.put("address", only("n1", local)))
    }

    /// Waits until calls leave their network, or do not.
    func settle(within isLocal: Bool) -> Bool {
        world.wait {
            let before = envoy.requestCount
            let answers = (0..<3).map { _ in (try? world.call("10.96.0.1")) == "hello\n" }
            return answers.allSatisfy { $0 } && (envoy.requestCount == before) == isLocal
        }
    }

    /// Has cart's node admit this account and no other.
    func admit(_ account: String) {
        world.istiod.tell("put", Json.put("policy", Json.policy("only", admitting: account)))
        world.istiod.tell("put", Json.put("address", Self.only("n2", Self.cart(policy: "shop/only"))))
    }

    private static func cart(policy: String?) -> String {
        let policies = policy.map { ", \"authorizationPolicies\": [\"\($0)\"]" } ?? ""
        return Json.workload(
            "cart", address: "10.78.1.2", node: "n2", service: "cart", more: network("far") + policies)
    }

    /// All endpoints of a service in the other network as one workload, as istiod coalesces them.
    private static func standIn(_ service: String, _ way: String) -> String {
        let uid = "far/SplitHorizonWorkload/shop/eastwest/\(gatewayAddress)/shop/\(service).shop.svc.cluster.local"
        return Json.workload(service, address: "", node: "", service: service, more: network("far") + way)
            .replacing("Kubernetes//Pod/shop/\(service)", with: uid)
            .replacing("\"addresses\": [\"\"],", with: "")
    }

    /// The gateway as a service, on a port of its own.
    private static let entrance = Json.service("gate", address: "10.96.0.9")
        .replacing("\"servicePort\": 80, \"targetPort\": 8080", with: "\"servicePort\": 15010, \"targetPort\": 15008")

    /// The gateway as a workload of its network.
    private static func gate(_ form: GatewayForm) -> String {
        let name = "NetworkGateway/far/\(gatewayAddress)/15008"
        let member =
            #", "services": {"shop/gate.shop.svc.cluster.local": {"ports": [{"servicePort": 15010, "#
            + #""targetPort": 15008}]}}"#
        var more = network("far")
        if form == .service { more += member }
        if form == .name { more += #", "hostname": "gate.example.com""# }
        let gate = Json.workload(
            "gate", address: gatewayAddress, account: "gateway", node: "", hbone: false, more: more
        )
        .replacing("Kubernetes//Pod/shop/gate", with: name)
        return form == .name ? gate.replacing("\"addresses\": [\"\(gatewayAddress)\"],", with: "") : gate
    }

    private static func service(_ name: String, _ address: String) -> String {
        let own = "[{\"address\": \"\(address)\"}]"
        let both = ["near", "far"].map { "{\"network\": \"\($0)\", \"address\": \"\(address)\"}" }
        return Json.service(
            name, address: address,
            more: """
                , "subjectAltNames": ["spiffe://cluster.local/ns/shop/sa/cart"], \
                "loadBalancing": {"mode": "FAILOVER", "routingPreference": ["NETWORK"]}
                """
        ).replacing(own, with: "[\(both.joined(separator: ", "))]")
    }

    private static func network(_ name: String) -> String { ", \"network\": \"\(name)\"" }

    private static func only(_ node: String, _ resource: String) -> String {
        "{\"only\": \"\(node)\", \(resource.dropFirst())"
    }
}
