import ControlPlane
import EventLoop
import Glibc
import Mesh
import Primitives
import RPC
import Schema
import System
import TLS

@testable import Discovery

/// A control plane on this loop that answers as a test tells it, and a client of it.
final class FakeControlPlane: DiscoveryDelegate {
    let loop: EventLoop
    let server: RPCServer
    private(set) var requests: [DeltaDiscoveryRequest] = []
    private(set) var streams: [RPCServerStream] = []
    private(set) var metadata: [HTTPField] = []
    private(set) var updates: [DiscoveryUpdate] = []
    private(set) var readyCount = 0
    private(set) var terminations: [DiscoveryTermination] = []
    private(set) var receivedByteCount = 0
    private let trust: TrustSource
    private(set) var client: DiscoveryClient?

    init() throws {
        loop = try EventLoop()
        let now = WallTime(seconds: Int64(time(nil)))
        let authority = try CertificateAuthority.makeRoot(organization: "tests", now: now).authority
        var template = CertificateTemplate(
            notBefore: WallTime(seconds: now.seconds - 60), notAfter: WallTime(seconds: now.seconds + 3600))
        let address = IPAddress(v4: 0x7f00_0001)
        template.addresses = [address]
        let key = try PrivateKey.generateP256()
        let context = try TLSContext.plainServer(chain: try authority.issue(template, for: key), key: key)
        trust = .inline(authority.facts.pem)
        server = try RPCServer(on: Endpoint(address, port: 0), context: context, loop: loop)
        let path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
        server.serve(path, stream: { [weak self] in self?.serve($0) })
    }

    /// How a client reaches the server.
    var access: ControlPlaneAccess {
        var access = ControlPlaneAccess(target: .endpoint(server.endpoint), trust: trust)
        access.token = .literal("token")
        return access
    }

    /// Starts a client that knows nothing.
    func start(node: Node = Node(), access: ControlPlaneAccess? = nil) {
        client = DiscoveryClient(
            access: access ?? self.access, store: ResourceStore(settings: MeshSettings(node: "n1"), node: node),
            loop: loop, delegate: self, random: SystemRandomNumberGenerator())
        client?.start()
    }

    func stop() {
        client?.stop()
        server.stop(grace: .zero)
        turn(until: { false }, limit: .milliseconds(30))
    }

    func send(_ response: DeltaDiscoveryResponse) { streams.last?.send(response.protobuf()) }

    /// Turns the loop until the condition holds or ten seconds have passed; whether it holds.
    @discardableResult
    func turn(until condition: () -> Bool, limit: Duration = .seconds(10)) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            loop.turn(waitingAtMost: .milliseconds(5))
        }
        return true
    }

    private func serve(_ stream: RPCServerStream) {
        streams.append(stream)
        metadata = stream.head.metadata
        stream.onMessage = { [weak self] message in
            guard let request = try? DeltaDiscoveryRequest(protobuf: message) else { return }
            self?.requests.append(request)
        }
    }

    func discoveryUpdated(_ update: DiscoveryUpdate) { updates.append(update) }
    func discoveryBecameReady() { readyCount += 1 }
    func discoveryReceived(typeURL: String, byteCount: Int) { receivedByteCount += byteCount }
    func discoveryEnded(_ termination: DiscoveryTermination, _ status: RPCStatus) { terminations.append(termination) }
}
