import Discovery
import Identity
import Mesh
import Policy
import Primitives
import Schema
import Testing

@Suite struct ResourceStoreTests {
    private static func store(node: String? = "n1") -> ResourceStore {
        ResourceStore(settings: MeshSettings(node: node), node: Schema.Node())
    }

    private static func authorization(_ name: String, _ change: (inout Authorization) -> Void) -> Resource {
        var policy = Authorization()
        policy.name = name
        policy.namespace = "shop"
        policy.scope = .namespace
        change(&policy)
        return Messages.resource("shop/\(name)", policy)
    }

    private static func group(_ change: (inout Authorization.Match) -> Void) -> Authorization.Group {
        var match = Authorization.Match()
        change(&match)
        var rules = Authorization.Rules()
        rules.matches = [match]
        var group = Authorization.Group()
        group.rules = [rules]
        return group
    }

    private static func policy(_ name: String, in store: ResourceStore) throws -> AuthorizationPolicy {
        try #require(store.state.policies["shop/\(name)"])
    }

    @Test func `a stream begins with a request for each type that names what is held`() {
        var store = Self.store()
        let fresh = store.subscriptions()
        #expect(fresh.map(\.typeURL) == [Messages.addressURL, Messages.authorizationURL])
        #expect(fresh.allSatisfy { $0.node != nil && $0.initialResourceVersions.isEmpty && $0.responseNonce.isEmpty })
        #expect(fresh.allSatisfy { $0.resourceNamesSubscribe.isEmpty && $0.resourceNamesUnsubscribe.isEmpty })
        _ = store.apply(Messages.addresses([Messages.workload("a"), Messages.workload("b")]))
        _ = store.apply(Messages.addresses([], removing: ["b"]))
        #expect(store.subscriptions()[0].initialResourceVersions == ["a": "v-a"])
        #expect(store.subscriptions()[1].initialResourceVersions.isEmpty)
    }

    @Test func `what is accepted is acknowledged under its nonce`() {
        var store = Self.store()
        let reply = store.apply(Messages.addresses([Messages.workload("a")], nonce: "n3")).reply
        #expect(reply.responseNonce == "n3")
        #expect(reply.typeURL == Messages.addressURL)
        #expect(reply.errorDetail == nil)
        #expect(reply.node == nil)
    }

    @Test func `a type that nobody asked for is acknowledged and changes nothing`() {
        var store = Self.store()
        var response = Messages.addresses([Messages.workload("a")], nonce: "n")
        response.typeURL = "type.googleapis.com/unknown.Type"
        let reply = store.apply(response).reply
        #expect(reply.errorDetail == nil)
        #expect(reply.typeURL == response.typeURL)
        #expect(store.state.workloadCount == 0)
    }

    /// Texts of a real ztunnel.
    @Test(arguments: [
        ("legacy-1: unknown enum: unsupported tunnel protocol: legacy istio mtls", "legacy-1", 0),
        ("bad-ip: failed to parse address, had 2 bytes", "bad-ip", 1),
        ("wp-nodest: nonempty gateway address is missing address", "wp-nodest", 2),
        ("enum-9: decode error: unknown enumeration value 9", "enum-9", 3),
        ("svc-badkey: failed to parse namespaced hostname: no-slash", "svc-badkey", 4),
    ])
    func `a bad workload is refused with its reason while the good ones apply`(
        text: String, name: String, flaw: Int
    ) {
        let bad = Messages.workload(name) {
            switch flaw {
            case 0: $0.tunnelProtocol = .legacyIstioMTLS
            case 1: $0.addresses = [[1, 2]]
            case 2: $0.waypoint = Schema.GatewayAddress()
            case 3: $0.tunnelProtocol = Schema.TunnelProtocol(rawValue: 9)
            default: $0.services = ["no-slash": PortList()]
            }
        }
        var store = Self.store()
        let outcome = store.apply(Messages.addresses([Messages.workload("good"), bad]))
        #expect(outcome.reply.errorDetail?.message == text)
        #expect(outcome.reply.errorDetail?.code == 0)
        #expect(outcome.update.state.workload(uid: "good") != nil)
        #expect(outcome.update.state.workloadCount == 1)
        #expect(store.subscriptions()[0].initialResourceVersions == ["good": "v-good"])
    }

    @Test func `bad services, garbage and nothing at all are refused together`() {
        let scope = Messages.service("scope") {
            $0.loadBalancing = Schema.LoadBalancing()
            $0.loadBalancing?.routingPreference = [.unspecified]
        }
        let address = Messages.service("badvip") { $0.addresses = [Messages.networkAddress([1, 2, 3])] }
        let prefix = Messages.service("badlen") { $0.addresses = [Messages.networkAddress([10, 0, 0, 1], length: 64)] }
        var garbage = Messages.workload("garbage")
        garbage.resource?.value = Array(repeating: 0xff, count: 12)
        let empty = Messages.resource("empty", Schema.Address())
        var store = Self.store()
        let outcome = store.apply(Messages.addresses([scope, address, prefix, garbage, empty]))
        #expect(
            outcome.reply.errorDetail?.message
                == [
                    "shop/scope.shop.svc.cluster.local: unknown enum: invalid target",
                    "shop/badvip.shop.svc.cluster.local: failed to parse address, had 3 bytes",
                    "shop/badlen.shop.svc.cluster.local: invalid cidr: invalid IP prefix length",
                    "garbage: decode: failed to decode Protobuf message: invalid varint",
                    "empty: unknown address type",
                ].joined(separator: "; "))
        #expect(store.state.serviceCount == 0)
    }

    @Test func `a response is read resource by resource, and one that is broken is refused by its place`() throws {
        var workload = Schema.Workload()
        workload.uid = "w"
        var bytes = Messages.addresses([Messages.resource("w", Schema.Address(.workload(workload)))]).protobuf()
        // A resource whose name is no text, and one that ends within a field; then a field of a later version.
        bytes += [0x12, 3, 0x1a, 1, 0xff, 0x12, 2, 0x1a, 9, 0xf8, 0x3f, 1]
        let message = try DeltaDiscoveryMessage(bytes)
        #expect(message.resourceCount == 3)
        var store = Self.store()
        let outcome = store.apply(message)
        #expect(
            outcome.reply.errorDetail?.message
                == "resource 1: decode: \(ProtobufError.invalidUTF8); resource 2: decode: \(ProtobufError.truncated)")
        #expect(outcome.update.state.workload(uid: "w") != nil)
        #expect(outcome.reply.responseNonce == message.nonce && !message.nonce.isEmpty)
        // What is no response is none, wherever it breaks off.
        for count in 1..<12 where (try? DeltaDiscoveryMessage(Array(bytes.dropLast(count)))) != nil {
            #expect(count == 3 || count == 7, "cut at a field's end alone")
        }
        #expect(throws: ProtobufError.self) { try DeltaDiscoveryMessage([0x10, 1]) }
    }

    @Test func `a refused update leaves the last good version in force`() {
        var store = Self.store()
        _ = store.apply(Messages.addresses([Messages.workload("a") { $0.addresses = [[10, 0, 0, 1]] }]))
        _ = store.apply(Messages.addresses([Messages.workload("a") { $0.addresses = [[1]] }]))
        #expect(store.state.workload(uid: "a")?.addresses.map(\.description) == ["10.0.0.1"])
    }

    @Test func `readiness is the acceptance of each type and never goes`() {
        var store = Self.store()
        let bad = Messages.workload("a") { $0.addresses = [[1]] }
        _ = store.apply(Messages.authorizations([]))
        #expect(!store.isReady)
        _ = store.apply(Messages.addresses([bad]))
        #expect(!store.isReady)
        _ = store.apply(Messages.addresses([]))
        #expect(store.isReady)
        _ = store.apply(Messages.addresses([bad]))
        #expect(store.isReady)
    }

    @Test func `what a workload leaves out has the contract's default`() throws {
        var store = Self.store()
        _ = store.apply(
            Messages.addresses([
                Messages.workload("a") {
                    $0.applicationTunnel = Schema.ApplicationTunnel()
                    var ports = PortList()
                    ports.ports = [Messages.port(80, 8080)]
                    $0.services = ["shop/b": ports, "shop/a": PortList()]
                }
            ]))
        let workload = try #require(store.state.workload(uid: "a"))
        #expect(workload.identity.description == "spiffe://cluster.local/ns/shop/sa/default")
        #expect(workload.cluster == "Kubernetes")
        #expect(workload.capacity == 1)
        #expect(workload.tunnelProtocol == .none)
        #expect(workload.applicationTunnel == .init(usesProxyProtocol: false, port: nil))
        #expect(workload.services.map(\.service.hostname) == ["a", "b"])
        #expect(workload.services.last?.ports == [80: 8080])
    }

    @Test func `a service's addresses are single ones or networks by their length`() throws {
        var store = Self.store()
        _ = store.apply(
            Messages.addresses([
                Messages.service("s") {
                    $0.addresses = [
                        Messages.networkAddress([10, 96, 0, 1]), Messages.networkAddress([10, 96, 0, 2], length: 32),
                        Messages.networkAddress([10, 97, 0, 0], length: 16),
                    ]
                    $0.visibility = Schema.Service.Visibility(rawValue: 7)
                }
            ]))
        let key = Mesh.NamespacedHostname(namespace: "shop", hostname: "s.shop.svc.cluster.local")
        let service = try #require(store.state.service(key))
        #expect(service.addresses.map(\.description) == ["/10.96.0.1", "/10.96.0.2"])
        #expect(service.prefixes.map(\.prefix.description) == ["10.97.0.0/16"])
        #expect(service.visibility == .everyone)
    }

    @Test func `updates come before removals and a removal names either kind`() {
        var store = Self.store()
        _ = store.apply(Messages.addresses([Messages.workload("a"), Messages.service("s")]))
        _ = store.apply(
            Messages.addresses(
                [Messages.workload("a"), Messages.workload("b")],
                removing: ["a", "shop/s.shop.svc.cluster.local", "x"]))
        #expect(store.state.workload(uid: "a") == nil)
        #expect(store.state.workload(uid: "b") != nil)
        #expect(store.state.serviceCount == 0)
    }

    @Test func `an update tells what it means for the node`() {
        var store = Self.store()
        let here = Messages.workload("here") {
            $0.node = "n1"
            $0.serviceAccount = "web"
        }
        var update = store.apply(Messages.addresses([here, Messages.workload("there") { $0.node = "n2" }])).update
        #expect(update.localWorkloads.map(\.uid) == ["here"])
        #expect(update.departedAccounts.isEmpty)
        #expect(!update.havePoliciesChanged)
        let moved = Messages.workload("here") {
            $0.node = "n1"
            $0.serviceAccount = "other"
        }
        update = store.apply(Messages.addresses([moved])).update
        #expect(update.localWorkloads.map(\.serviceAccount) == ["other"])
        #expect(update.departedAccounts == [ServiceAccountName(namespace: "shop", serviceAccount: "web")])
        update = store.apply(Messages.addresses([], removing: ["here", "there"])).update
        #expect(update.localWorkloads.isEmpty)
        #expect(update.departedAccounts == [ServiceAccountName(namespace: "shop", serviceAccount: "other")])
        update = store.apply(Messages.authorizations([Self.authorization("p") { _ in }])).update
        #expect(update.havePoliciesChanged)
        update = store.apply(Messages.authorizations([], removing: ["shop/unknown"])).update
        #expect(!update.havePoliciesChanged)
        update = store.apply(Messages.authorizations([], removing: ["shop/p"])).update
        #expect(update.havePoliciesChanged)
        #expect(update.state.policies.count == 0)
    }

    @Test func `a policy of unknown scope or action is refused`() {
        var store = Self.store()
        let action = Self.authorization("badenum") { $0.action = Authorization.Action(rawValue: 7) }
        let scope = Self.authorization("badscope") { $0.scope = Authorization.Scope(rawValue: 3) }
        let reply = store.apply(Messages.authorizations([action, scope])).reply
        #expect(
            reply.errorDetail?.message == "shop/badenum: decode error: unknown enumeration value 7; "
                + "shop/badscope: decode error: unknown enumeration value 3")
    }

    @Test(arguments: 0..<3) func `a policy that is not understood denies and says so, until a good one comes`(
        flaw: Int
    ) throws {
        var store = Self.store()
        var bad = Self.authorization("p") {
            if flaw == 0 { $0.action = Authorization.Action(rawValue: 7) }
            if flaw == 1 { $0.scope = Authorization.Scope(rawValue: 3) }
        }
        if flaw == 2 { bad.resource?.value = [0x0a, 0xff] }
        let context = PolicyContext(
            source: try #require(IPAddress("192.0.2.1")), identity: nil,
            destination: try #require(Endpoint("10.0.0.9:1")))
        func decision(_ namespace: String) -> PolicyDecision {
            store.state.policies.compiled(namespace: namespace, references: []).decide(context)
        }
        _ = store.apply(Messages.authorizations([bad]))
        #expect(!decision("shop").isAllowed)
        #expect(decision("shop").reason.description.contains("shop/p is not understood"))
        #expect(decision("other").isAllowed)
        #expect(store.subscriptions()[1].initialResourceVersions.isEmpty)
        _ = store.apply(Messages.authorizations([Self.authorization("p") { $0.action = .deny }]))
        #expect(decision("shop").isAllowed)
        _ = store.apply(Messages.authorizations([bad]))
        #expect(decision("shop").isAllowed, "the last good version stays")
        _ = store.apply(Messages.authorizations([], removing: ["shop/p"]))
        _ = store.apply(Messages.authorizations([bad]))
        #expect(!decision("shop").isAllowed)
        _ = store.apply(Messages.authorizations([], removing: ["shop/p"]))
        #expect(decision("shop").isAllowed)
    }

    @Test func `a policy is kept as it was meant`() throws {
        var store = Self.store()
        let resource = Self.authorization("p") {
            $0.action = .deny
            $0.dryRun = true
            $0.groups = [
                Self.group {
                    $0.namespaces = [.init(.exact("a"))]
                    $0.notNamespaces = [.init(.prefix("b"))]
                    $0.principals = [.init(.suffix("c"))]
                    $0.notPrincipals = [.init(.presence)]
                    $0.destinationPorts = [80]
                    $0.notDestinationPorts = [81]
                    var range = Authorization.Range()
                    range.address = [10, 0, 0, 0]
                    range.length = 8
                    $0.sourceIPs = [range]
                    $0.notDestinationIPs = [range]
                    var account = Authorization.ServiceAccountMatch()
                    account.namespace = "n"
                    account.serviceAccount = "s"
                    $0.notServiceAccounts = [account]
                }
            ]
        }
        _ = store.apply(Messages.authorizations([resource]))
        let policy = try Self.policy("p", in: store)
        #expect(policy.action == .deny)
        #expect(policy.scope == .namespace)
        #expect(policy.isDryRun)
        var match = PolicyMatch()
        let network = try #require(IPPrefix("10.0.0.0/8"))
        match.namespaces = .init(anyOf: [.exact("a")], noneOf: [.prefix("b")])
        match.principals = .init(anyOf: [.suffix("c")], noneOf: [.presence])
        match.destinationPorts = .init(anyOf: [80], noneOf: [81])
        match.sources = .init(anyOf: [network])
        match.destinations = .init(noneOf: [network])
        match.serviceAccounts = .init(noneOf: [ServiceAccountName(namespace: "n", serviceAccount: "s")])
        #expect((0..<policy.rules.count).map(policy.rules.rule) == [PolicyRule(clauses: [[match]])])
    }

    @Test(arguments: 0..<4) func `a rule with an unreadable value is acknowledged and refuses`(flaw: Int) throws {
        var store = Self.store()
        let resource = Self.authorization("p") {
            $0.action = .deny
            $0.groups = [
                Self.group {
                    var range = Authorization.Range()
                    range.address = flaw == 0 ? [1] : [10, 0, 0, 1]
                    range.length = 33
                    switch flaw {
                    case 0, 1: $0.sourceIPs = [range]
                    case 2: $0.notPrincipals = [Authorization.StringMatch()]
                    default: $0.destinationPorts = [65_536 + 80]
                    }
                }
            ]
        }
        let outcome = store.apply(Messages.authorizations([resource]))
        #expect(outcome.reply.errorDetail == nil)
        #expect(try Self.policy("p", in: store).rules.rule(at: 0).flaw != nil)
        let context = PolicyContext(
            source: try #require(IPAddress("192.0.2.1")), identity: nil,
            destination: try #require(Endpoint("10.0.0.9:1")))
        let decision = outcome.update.state.policies.compiled(namespace: "shop", references: []).decide(context)
        #expect(!decision.isAllowed)
    }
}
