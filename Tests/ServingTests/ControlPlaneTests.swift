import EventLoop
import HTTP2
import Identity
import Primitives
import RPC
import Schema
import Serving
import System
import TLS
import Telemetry
import Testing

private let addressType = "type.googleapis.com/istio.workload.Address"
private let policyType = "type.googleapis.com/istio.security.Authorization"

/// A subscription to both types that answers each response.
private final class Subscription {
    var held: [String: Set<String>] = [addressType: [], policyType: []]
    var responses: [DeltaDiscoveryResponse] = []
    var status: RPCStatus?
    private let stream: RPCStream?

    init(_ fixture: Fixture, token: String) {
        stream = fixture.channel?.stream(
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
            metadata: [HTTPField("authorization", "Bearer \(token)")])
        stream?.onMessage = { [weak self] message in self?.receive(message) }
        stream?.onEnded = { [weak self] status, _ in self?.status = status }
        for type in [addressType, policyType] {
            var request = DeltaDiscoveryRequest()
            request.typeURL = type
            stream?.send(request.protobuf())
        }
    }

    private func receive(_ message: [UInt8]) {
        guard let response = try? DeltaDiscoveryResponse(protobuf: message) else { return }
        responses.append(response)
        held[response.typeURL]?.formUnion(response.resources.map(\.name))
        held[response.typeURL]?.subtract(response.removedResources)
        var request = DeltaDiscoveryRequest()
        request.typeURL = response.typeURL
        request.responseNonce = response.nonce
        stream?.send(request.protobuf())
    }
}

@Suite struct ControlPlaneTests {
    @Test func `a node is told the mesh, and each change of a file within a second`() throws {
        let fixture = try Fixture(["shop.yaml": shop])
        let subscription = Subscription(fixture, token: try fixture.token("one"))
        #expect(fixture.turn { subscription.responses.count == 2 })
        #expect(subscription.held == [addressType: [pod], policyType: []])

        try fixture.write("deny.yaml", denyAll)
        var started = MonotonicClock.now()
        #expect(fixture.turn { subscription.held[policyType] == ["shop/deny"] })
        #expect(MonotonicClock.now() - started < .seconds(1))
        try FileSystem.remove("\(fixture.folder)/manifests/deny.yaml")
        started = MonotonicClock.now()
        #expect(fixture.turn { subscription.held[policyType] == [] })
        #expect(MonotonicClock.now() - started < .seconds(1))
        // The workload did not change, and was not sent again.
        #expect(subscription.responses.filter { $0.typeURL == addressType }.count == 1)
    }

    @Test func `a broken manifest leaves the last good state standing`() throws {
        let fixture = try Fixture(["shop.yaml": shop, "deny.yaml": denyAll])
        let subscription = Subscription(fixture, token: try fixture.token("one"))
        #expect(fixture.turn { subscription.held[policyType] == ["shop/deny"] })
        try fixture.write("deny.yaml", "kind: AuthorizationPolicy\nspec: [")
        for _ in 0..<20 { fixture.loop.turn(waitingAtMost: .milliseconds(10)) }
        #expect(subscription.held == [addressType: [pod], policyType: ["shop/deny"]])
        #expect(try fixture.refused().contains("manifests/deny.yaml:"))
        #expect(try fixture.refused().contains("AuthorizationPolicy shop/deny: the last good version stays in force"))

        // Meanwhile the others go on.
        let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: mall}}\n---\n"
        try fixture.write("more.yaml", namespace + denyAll.replacing("namespace: shop", with: "namespace: mall"))
        #expect(fixture.turn { subscription.held[policyType] == ["shop/deny", "mall/deny"] })
        try FileSystem.remove("\(fixture.folder)/manifests/more.yaml")
        #expect(fixture.turn { subscription.held[policyType] == ["shop/deny"] })
        try fixture.write("deny.yaml", denyAll.replacing("name: deny", with: "name: other"))
        #expect(fixture.turn { subscription.held[policyType] == ["shop/other"] })
        #expect(try fixture.refused() == "")
    }

    @Test func `a control plane that begins with a broken manifest serves the others`() throws {
        let fixture = try Fixture(["shop.yaml": shop, "deny.yaml": "kind: ["])
        let subscription = Subscription(fixture, token: try fixture.token("one"))
        #expect(fixture.turn { subscription.held == [addressType: [pod], policyType: []] })
        #expect(try fixture.refused().contains("deny.yaml:2: "))
    }

    @Test func `a control plane that stops ends its streams in order`() throws {
        let fixture = try Fixture(["shop.yaml": shop])
        let subscription = Subscription(fixture, token: try fixture.token("one"))
        #expect(fixture.turn { subscription.responses.count == 2 })
        var isDone = false
        fixture.control?.drain { isDone = true }
        #expect(fixture.turn { subscription.status != nil })
        #expect(subscription.status?.code == .unavailable && subscription.status?.origin == .peer)
        fixture.closeChannel()
        #expect(fixture.turn { isDone })
    }

    @Test func `who has no token is turned away`() throws {
        let fixture = try Fixture(["shop.yaml": shop])
        let subscription = Subscription(fixture, token: "0123456789abcdef0123456789abcdef")
        #expect(fixture.turn { subscription.status != nil })
        #expect(subscription.status?.code == .unauthenticated)
        guard case .failure(let status) = fixture.certificate(IstioCertificateRequest(), token: nil) else {
            Issue.record("let in")
            return
        }
        #expect(status.code == .unauthenticated)
        #expect(status.message == "request authenticate failure")
    }

    @Test func `a node is certified for its own pods and no others`() throws {
        let fixture = try Fixture(["shop.yaml": shop])
        let identity = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "cart")
        let key = try PrivateKey.generateP256()
        var request = IstioCertificateRequest()
        request.csr = String(decoding: try CertificateSigningRequest.make(identity: identity, key: key), as: UTF8.self)
        request.metadata = Struct(["ImpersonatedIdentity": Value(identity.description)])

        let answer = try #require(fixture.certificate(request, token: try fixture.token("one"))).get()
        let chain = try IstioCertificateResponse(protobuf: answer).certChain
        let roots = try FileSystem.read("\(fixture.folder)/state/root-cert.pem")
        // Credentials check that key and certificate belong together.
        let credentials = try TLSCredentials(chain: Array(chain[0].utf8), key: key, roots: roots)
        #expect(credentials.leaf.uris == [identity.description])

        guard case .failure(let status) = fixture.certificate(request, token: try fixture.token("two")) else {
            Issue.record("certified for a pod of another node")
            return
        }
        #expect(status.code == .unauthenticated)
        request.csr = "garbage"
        guard case .failure(let status) = fixture.certificate(request, token: try fixture.token("one")) else {
            Issue.record("certified garbage")
            return
        }
        #expect(status.code == .invalidArgument)
    }

    @Test func `what is no request ends the stream`() throws {
        let fixture = try Fixture(["shop.yaml": shop])
        var status: RPCStatus?
        let stream = fixture.channel?.stream(
            "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources",
            metadata: [HTTPField("authorization", "Bearer \(try fixture.token("one"))")])
        stream?.onEnded = { ended, _ in status = ended }
        stream?.send([0xff, 0xff])
        #expect(fixture.turn { status != nil })
        #expect(status?.code == .invalidArgument)
    }
}

extension String {
    fileprivate func replacing(_ part: String, with other: String) -> String {
        split(separator: part, omittingEmptySubsequences: false).joined(separator: other)
    }
}
