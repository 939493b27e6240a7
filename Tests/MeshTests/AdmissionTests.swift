import Mesh
import Primitives
import Testing
import Wire

/// The rows are requests sent to a real ztunnel, with its answers.
@Suite struct AdmissionTests {
    private static let host = "srv.shop.svc.cluster.local"
    private static let server = Fixture.pod(
        "server", "10.244.32.4", "fd00:10:244:1::4",
        services: [("shop/\(host)", PortMap()), ("shop/named.shop.svc.cluster.local", [80: 8081])])
    private static let state = Fixture.state(
        [server, Fixture.pod("other", "10.244.32.5")],
        [
            Fixture.service("srv", vip: "10.96.0.2", ports: [80: 8080, 81: 9]),
            Fixture.service("named", vip: "10.96.0.4", ports: [80: 0]),
            Fixture.service("nobody", ports: [80: 8080]),
            Fixture.service("hidden", namespace: "elsewhere", visibility: .namespace),
        ])

    private static func admit(
        _ authority: String, forwardedHost: String? = nil, local: Workload = server, in state: MeshState = state
    ) throws -> Admission {
        let authority = try Authority(authority)
        return state.admit(
            authority, at: Fixture.address("10.244.32.4"), for: local, forwardedHost: forwardedHost)
    }

    @Test(arguments: [
        ("10.244.32.4:8080", "10.244.32.4:8080", "srv"), ("10.244.32.4:8081", "10.244.32.4:8081", "named"),
        ("10.244.32.4:7", "10.244.32.4:7", nil), ("10.244.32.4:15080", "10.244.32.4:15080", nil),
        ("\(host):80", "10.244.32.4:8080", "srv"), ("\(host):81", "10.244.32.4:9", "srv"),
        ("named.shop.svc.cluster.local:80", "10.244.32.4:8081", "named"),
        ("nobody.shop.svc.cluster.local:80", "10.244.32.4:8080", "nobody"),
    ])
    func `what is for the pod reaches it`(authority: String, destination: String, service: String?) throws {
        guard case .admitted(let target) = try Self.admit(authority) else {
            Issue.record("admitted")
            return
        }
        #expect(target.destination.description == destination)
        #expect(target.service?.name == service)
        #expect(target.proxiedDestination == nil)
    }

    @Test(arguments: [
        ("10.244.32.5:8080", 400, "ip mismatch: 10.244.32.4 != 10.244.32.5"),
        ("10.96.0.2:80", 400, "ip mismatch: 10.244.32.4 != 10.96.0.2"),
        ("10.9.8.7:8080", 400, "ip mismatch: 10.244.32.4 != 10.9.8.7"),
        ("127.0.0.1:8080", 400, "ip mismatch: 10.244.32.4 != 127.0.0.1"),
        ("[fd00:10:244:1::4]:8080", 400, "ip mismatch: 10.244.32.4 != fd00:10:244:1::4"),
        ("SRV.SHOP.SVC.CLUSTER.LOCAL:80", 503, "no service or workload for hostname: SRV.SHOP.SVC.CLUSTER.LOCAL"),
        ("\(host).:80", 503, "no service or workload for hostname: \(host)."),
        ("srv:80", 503, "no service or workload for hostname: srv"),
        ("u@10.244.32.4:8080", 503, "no service or workload for hostname: 10.244.32.4"),
        (
            "hidden.elsewhere.svc.cluster.local:80", 503,
            "no service or workload for hostname: hidden.elsewhere.svc.cluster.local"
        ),
        ("\(host):82", 503, "requested service \(host):82 found, but cannot resolve port"),
        ("10.244.32.4:15008", 503, "attempted recursive call to ourselves"),
        ("10.244.32.4:15006", 503, "attempted recursive call to ourselves"),
        ("10.244.32.4:15001", 503, "attempted recursive call to ourselves"),
    ])
    func `what is not is refused with status and reason`(authority: String, status: Int, reason: String) throws {
        guard case .refused(let refusal) = try Self.admit(authority) else {
            Issue.record("refused")
            return
        }
        #expect(refusal.status == status)
        #expect(refusal.description == reason)
    }

    @Test func `the host that the client says it called chooses among the pod's services`() throws {
        let named = "named.shop.svc.cluster.local"
        for (host, expected) in [(named, "named"), ("nobody.shop.svc.cluster.local", "srv"), ("evil", "srv")] {
            guard case .admitted(let target) = try Self.admit("10.244.32.4:8080", forwardedHost: host) else {
                Issue.record("admitted")
                continue
            }
            #expect(target.service?.name == expected)
        }
    }

    @Test func `SOCKS5's port is refused where SOCKS5 is on`() throws {
        var state = MeshState(settings: MeshSettings(node: "n1", isSOCKS5Enabled: true))
        state.insert(Self.server)
        guard case .refused(.selfCall) = try Self.admit("10.244.32.4:15080", in: state) else {
            Issue.record("refused")
            return
        }
    }

    @Test(arguments: ["10.244.32.4", "shop/waypoint.shop.svc.cluster.local", "10.96.0.9"])
    func `a waypoint takes what is for the services and workloads it stands before`(gateway: String) throws {
        let waypoint = Fixture.pod(
            "waypoint", "10.244.32.4", services: [("shop/waypoint.shop.svc.cluster.local", PortMap())])
        let gateway = Fixture.gateway(gateway)
        let services = [
            Fixture.service("waypoint", vip: "10.96.0.9", ports: [15008: 15008]),
            Fixture.service("orders", vip: "10.96.0.3", waypoint: gateway),
            Fixture.service("split", vip: "10.96.0.4", weighted: [.init(gateway, weight: 1)]),
            Fixture.service("bare", vip: "10.96.0.5"),
        ]
        let guarded = Fixture.pod("guarded", "10.244.32.7", waypoint: gateway)
        let state = Fixture.state([waypoint, guarded], services)
        for authority in ["10.96.0.3:80", "10.96.0.4:80", "10.244.32.7:80"] {
            guard case .admitted(let target) = try Self.admit(authority, local: waypoint, in: state) else {
                Issue.record("admitted: \(authority)")
                continue
            }
            #expect(target.destination.description == "10.244.32.4:80")
        }
        for local in [waypoint, Self.server] {
            guard case .refused(.addressMismatch) = try Self.admit("10.96.0.5:80", local: local, in: state) else {
                Issue.record("refused")
                continue
            }
        }
        guard case .refused(.addressMismatch) = try Self.admit("10.96.0.9:80", local: guarded, in: state) else {
            Issue.record("refused")
            return
        }
    }

    @Test func `an application tunnel takes all on one port and is told where it was going`() throws {
        let local = Fixture.pod("server", "10.244.32.4", tunnel: .init(usesProxyProtocol: true, port: 15088))
        for (authority, proxied) in [("10.9.9.9:80", "10.9.9.9:80"), ("\(Self.host):80", "10.96.0.2:80")] {
            guard case .admitted(let target) = try Self.admit(authority, local: local) else {
                Issue.record("admitted")
                continue
            }
            #expect(target.destination.description == "10.244.32.4:15088")
            #expect(target.proxiedDestination?.description == proxied)
        }
        let refused = try Self.admit("nobody.shop.svc.cluster.local:80", local: local)
        guard case .refused(.noAddress) = refused else {
            Issue.record("refused")
            return
        }
        let silent = Fixture.pod("server", "10.244.32.4", tunnel: .init(usesProxyProtocol: false, port: nil))
        guard case .admitted(let target) = try Self.admit("10.9.9.9:80", local: silent) else {
            Issue.record("admitted")
            return
        }
        #expect(target.destination.description == "10.244.32.4:80")
        #expect(target.proxiedDestination == nil)
    }

    @Test func `plaintext reaches the destination it had, but not the proxy`() {
        let destination = Fixture.endpoint("10.244.32.4:8081")
        guard case .admitted(let target) = Self.state.admitPlaintext(to: destination, for: Self.server) else {
            Issue.record("admitted")
            return
        }
        #expect(target.destination == destination)
        #expect(target.service?.name == "named")
        let own = Self.state.admitPlaintext(to: Fixture.endpoint("10.244.32.4:15006"), for: Self.server)
        guard case .refused(.selfCall) = own else {
            Issue.record("refused")
            return
        }
    }
}
