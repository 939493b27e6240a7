import Primitives
import Testing

@testable import Mesh

/// The rows are questions that a real ztunnel was asked by a client in namespace `shop`.
@Suite struct NameTests {
    private static let state: MeshState = {
        func service(
            _ name: String, _ addresses: [String], namespace: String = "shop", hostname: String? = nil,
            network: String = "", families: Service.IPFamilies = .automatic, canonical: Bool = false,
            visibility: Service.Visibility = .everyone
        ) -> Service {
            Service(
                name: name, namespace: namespace, hostname: hostname ?? "\(name).\(namespace).svc.cluster.local",
                addresses: addresses.map { Fixture.networkAddress($0, network) }, ipFamilies: families,
                isCanonical: canonical, visibility: visibility)
        }
        let headless: [(String, PortMap)] = [("shop/headless.shop.svc.cluster.local", [:])]
        return Fixture.state(
            [
                Fixture.web,
                Fixture.pod("hl-0", "10.244.32.4", "fd00::4", services: headless),
                Fixture.pod("hl-1", "10.244.32.5", services: headless),
                Fixture.pod("hl-2", "10.244.32.6", status: .unhealthy, services: headless),
            ],
            [
                service("cart", ["10.96.0.10"]), service("dual", ["10.96.0.11", "fd00:96::11"]),
                service("two", ["10.96.0.12", "10.96.0.13"]), service("headless", []), service("hl-empty", []),
                service("v4only", ["10.96.0.14", "fd00:96::14"], families: .v4Only),
                service("v6only", ["10.96.0.14", "fd00:96::14"], families: .v6Only),
                service("farnet", ["10.96.0.16"], network: "far"),
                service("other", ["10.96.0.15"], namespace: "bank"),
                service("secret", ["10.96.0.16"], namespace: "bank", visibility: .namespace),
                service("single", ["10.96.0.20"], hostname: "single"),
                service("wild", ["10.96.0.17"], hostname: "*.wild.example.com"),
                service("partner", ["10.96.0.18"], hostname: "api.partner.example"),
                service("hl-partner", [], hostname: "hl.partner.example"),
                Fixture.service("cidr", hostname: "cidr.partner.example", prefixes: ["10.97.0.0/16"]),
            ])
    }()

    private static func ask(
        _ name: String, _ family: IPAddress.Family = .v4, in state: MeshState = state, random: UInt64 = 7
    ) -> NameAnswer? {
        state.lookUp(name, family, for: Fixture.web, random: random)
    }

    @Test(arguments: [
        ("cart.shop.svc.cluster.local", "10.96.0.10"), ("dual.shop.svc.cluster.local", "10.96.0.11"),
        ("other.bank.svc.cluster.local", "10.96.0.15"), ("cart", "10.96.0.10"), ("cart.shop", "10.96.0.10"),
        ("cart.shop.svc", "10.96.0.10"), ("other.bank", "10.96.0.15"), ("other.bank.svc", "10.96.0.15"),
        ("single", "10.96.0.20"), ("api.partner.example", "10.96.0.18"),
        ("a.wild.example.com", "10.96.0.17"), ("a.b.wild.example.com", "10.96.0.17"),
        ("*.wild.example.com", "10.96.0.17"), ("a.wild.example.com.shop.svc.cluster.local", "10.96.0.17"),
        ("*.wild.example.com.cluster.local", "10.96.0.17"),
    ])
    func `a service is found by its name and by what stands for it`(name: String, address: String) {
        #expect(Self.ask(name)?.addresses == [Fixture.address(address)])
        #expect(Self.ask(name)?.alias == nil)
    }

    @Test(arguments: [
        ("cart.shop.svc.cluster.local.shop.svc.cluster.local", "cart.shop.svc.cluster.local", "10.96.0.10"),
        ("cart.shop.svc.cluster.local.svc.cluster.local", "cart.shop.svc.cluster.local", "10.96.0.10"),
        ("cart.shop.svc.cluster.local.cluster.local", "cart.shop.svc.cluster.local", "10.96.0.10"),
        ("api.partner.example.shop.svc.cluster.local", "api.partner.example", "10.96.0.18"),
        ("cart.shop.shop.svc.cluster.local", "cart.shop", "10.96.0.10"),
        ("single.cluster.local", "single", "10.96.0.20"),
    ])
    func `a name with a search domain is an alias of the name without`(name: String, alias: String, address: String) {
        #expect(Self.ask(name)?.addresses == [Fixture.address(address)])
        #expect(Self.ask(name)?.alias == alias)
    }

    @Test(arguments: [
        "cidr.partner.example", "hl.partner.example", "wild.example.com", "nosuch.shop.svc.cluster.local", "nosuch",
        "secret.bank.svc.cluster.local", "www.example.com", "shop.svc.cluster.local", "cluster.local", "svc",
        "Cart.shop.svc.cluster.local", "x.cart.shop.svc.cluster.local", "cart.shop.svc.cluster.locale", "wild",
    ])
    func `other names are none of the mesh's business`(name: String) {
        #expect(Self.ask(name) == nil)
    }

    @Test func `a service without an address of the family exists all the same`() {
        #expect(Self.ask("dual.shop.svc.cluster.local", .v6)?.addresses == [Fixture.address("fd00:96::11")])
        for name in ["cart", "v4only"] { #expect(Self.ask("\(name).shop.svc.cluster.local", .v6)?.addresses == []) }
        for name in ["v6only", "farnet", "hl-empty"] {
            #expect(Self.ask("\(name).shop.svc.cluster.local")?.addresses == [])
        }
        var settings = MeshSettings(node: "n1")
        settings.isIPv6Enabled = false
        var state = MeshState(settings: settings)
        state.insert(Fixture.service("six", vip: "fd00:96::1"))
        #expect(Self.ask("six", .v6, in: state)?.addresses == [])
    }

    @Test func `a headless service has the addresses of its healthy endpoints`() {
        let found = Self.ask("headless.shop.svc.cluster.local")?.addresses ?? []
        #expect(found.sorted() == ["10.244.32.4", "10.244.32.5"].map(Fixture.address))
        #expect(Self.ask("headless", .v6)?.addresses == [Fixture.address("fd00::4")])
    }

    @Test func `addresses come in every order and the order follows from the word`() {
        let orders = Set((0..<40).map { Self.ask("two", random: $0)?.addresses ?? [] })
        #expect(orders.count == 2)
        #expect(Self.ask("two", random: 3) == Self.ask("two", random: 3))
    }

    @Test func `of services with one name the client's own goes first, then the canonical one, then the preferred`() {
        func state(_ services: [(String, Bool)], preferring namespace: String? = nil) -> MeshState {
            var state = MeshState(settings: MeshSettings(node: "n1", preferredNamespace: namespace))
            for (index, (namespace, isCanonical)) in services.enumerated() {
                state.insert(
                    Fixture.service(
                        "s", vip: "10.9.0.\(index)", namespace: namespace, hostname: "api.example",
                        canonical: isCanonical))
            }
            return state
        }
        func chosen(_ state: MeshState) -> String? { Self.ask("api.example", in: state)?.service.namespace }
        #expect(chosen(state([("bank", false), ("mall", false)])) == "bank")
        #expect(chosen(state([("bank", false), ("mall", false)], preferring: "mall")) == "mall")
        #expect(chosen(state([("bank", true), ("mall", false)], preferring: "mall")) == "bank")
        #expect(chosen(state([("bank", true), ("mall", false), ("shop", false)], preferring: "mall")) == "shop")
    }

    @Test func `a cluster may have another domain`() {
        var state = MeshState(settings: MeshSettings(node: "n1", clusterDomain: "example.org"))
        state.insert(Fixture.service("cart", vip: "10.96.0.10", hostname: "cart.shop.svc.example.org"))
        for name in ["cart", "cart.shop", "cart.shop.svc", "cart.shop.svc.example.org"] {
            #expect(Self.ask(name, in: state)?.addresses == [Fixture.address("10.96.0.10")])
        }
        #expect(Self.ask("cart.shop.svc.cluster.local", in: state) == nil)
    }

    @Test func `an endless name is looked up a few times only`() {
        let name = Array(repeating: "a", count: 127).joined(separator: ".")
        #expect(NameSearch.wildcards(for: name).count == 16)
        #expect(NameSearch.wildcards(for: "a.b.c") == ["*.b.c", "*.c"])
        #expect(NameSearch.wildcards(for: "a").isEmpty)
        #expect(Self.ask(name) == nil)
    }
}
