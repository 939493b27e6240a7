import EventLoop
import HTTP2
import Primitives
import RPC
import Schema
import Serving
import System
import TLS
import Telemetry
import Testing

/// A namespace in the mesh with a pod on node `one`, and a node `two` without any.
let shop = """
    {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: cart-0, namespace: shop, annotations: {culvert.io/netns: /run/netns/cart-0}}
    spec: {nodeName: one, serviceAccountName: cart}
    status: {podIP: 10.1.0.5}
    ---
    {apiVersion: v1, kind: Node, metadata: {name: two}}
    """

/// A policy that denies everything in the namespace.
let denyAll = """
    {apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: deny, namespace: shop},
     spec: {action: DENY, rules: [{}]}}
    """
let pod = "Kubernetes//Pod/shop/cart-0"

/// A control plane over a folder of manifests, and a node that calls it, on one loop.
final class Fixture {
    let folder = "/tmp/culvert-test-\(String(Entropy.uint64(), radix: 16))"
    let loop: EventLoop
    private(set) var control: ControlPlaneServer?
    private(set) var channel: RPCChannel?

    init(_ manifests: [String: String]) throws {
        loop = try EventLoop()
        try FileSystem.makeDirectory("\(folder)/manifests", mode: 0o700)
        for (name, text) in manifests { try write(name, text) }
        let configuration = ControlPlaneServer.Configuration(
            manifests: "\(folder)/manifests", state: "\(folder)/state", tokens: "\(folder)/state/tokens",
            listen: try #require(Endpoint("127.0.0.1:0")), names: ["localhost", "127.0.0.1"])
        let logger = try Logger(filter: LogFilter(level: nil, scopes: [:]))
        let control = try ControlPlaneServer(configuration, loop: loop, logger: logger)
        self.control = control
        let endpoint = control.endpoint
        let context = try TLSContext.serverAuthenticated(roots: FileSystem.read("\(folder)/state/root-cert.pem"))
        let target = try #require(RPCTarget("localhost:\(endpoint.port)"))
        channel = RPCChannel(target: target, context: context, loop: loop)
    }

    deinit {
        channel?.close()
        control?.stop()
        for path in ["manifests", "state/tokens", "state", ""].map({ "\(folder)/\($0)" }) {
            for name in (try? FileSystem.entries(of: path)) ?? [] { try? FileSystem.remove("\(path)/\(name)") }
            try? FileSystem.removeDirectory(path)
        }
    }

    func write(_ name: String, _ text: String) throws {
        try FileSystem.write(Array(text.utf8), to: "\(folder)/manifests/\(name)", mode: 0o644)
    }

    /// What the control plane shows of manifests that it refuses.
    func refused() throws -> String {
        String(decoding: try FileSystem.read("\(folder)/state/refused"), as: UTF8.self)
    }

    func closeChannel() { channel?.close() }

    func token(_ node: String) throws -> String {
        String(decoding: try FileSystem.read("\(folder)/state/tokens/\(node)"), as: UTF8.self).filter {
            !$0.isWhitespace
        }
    }

    /// Turns the loop until `condition` holds; whether it did in time.
    func turn(atMost limit: Duration = .seconds(5), until condition: () -> Bool) -> Bool {
        let started = MonotonicClock.now()
        while !condition() {
            guard MonotonicClock.now() - started < limit else { return false }
            loop.turn(waitingAtMost: .milliseconds(10))
        }
        return true
    }

    func certificate(_ request: IstioCertificateRequest, token: String?) -> Result<[UInt8], RPCStatus>? {
        var result: Result<[UInt8], RPCStatus>?
        channel?.unary(
            "/istio.v1.auth.IstioCertificateService/CreateCertificate", request.protobuf(),
            metadata: token.map { [HTTPField("authorization", "Bearer \($0)")] } ?? []
        ) { result = $0 }
        _ = turn { result != nil }
        return result
    }
}
