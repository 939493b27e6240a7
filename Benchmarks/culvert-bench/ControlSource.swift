import EventLoop
import Glibc
import Primitives
import RPC
import Schema
import System
import TLS

/// A control plane for one node, which sends what it was told to make beforehand, so that little of the time that
/// passes is its own. Commands come as lines, and what happens is told as lines of JSON, with moments on the clock that
/// all processes share:
///
/// - `pods` or `mesh`: what there is from now on, the lab's pods alone or everything; a node that listens is sent it;
/// - `resync`: everything comes as it was, on a new stream;
/// - `again`: everything comes in a new version on a new stream;
/// - `flip`: the service of the lab leads to its other port;
/// - `updates RATE SECONDS`: one changed workload in each response.
final class ControlSource {
    private static let path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"
    static let addressType = "type.googleapis.com/istio.workload.Address"
    static let policyType = "type.googleapis.com/istio.security.Authorization"

    private let loop: EventLoop
    private let server: RPCServer
    private let mesh: SyntheticMesh
    private let pods: [SyntheticMesh.Pod]
    /// The two ports of the last pod between which the service goes back and forth.
    private let targetPorts: [UInt16]
    private var input: StandardInput?
    private var stream: RPCServerStream?
    private var isWhole = false
    private var version = 0
    private var flipCount = 0
    /// What a subscription is answered with, by type.
    private var messages: [String: [UInt8]] = [:]
    private var updates: UpdateStorm?

    init(
        on endpoint: Endpoint, context: TLSContext, mesh: SyntheticMesh, pods: [SyntheticMesh.Pod],
        targetPorts: [UInt16], loop: EventLoop
    ) throws(Errno) {
        (self.loop, self.mesh, self.pods, self.targetPorts) = (loop, mesh, pods, targetPorts)
        var options = RPCServerOptions()
        options.requestByteCountMax = Limits.rpcResponseByteCountMax
        server = try RPCServer(on: endpoint, context: context, options: options, loop: loop)
        server.serve(Self.path, stream: { [unowned self] in self.accept($0) })
        input = try StandardInput(
            loop: loop, line: { [unowned self] in self.obey($0) }, ended: { [unowned self] in self.loop.stop() })
    }

    // MARK: Commands

    private func obey(_ line: String) {
        let words = line.split(separator: " ")
        switch words.first {
        case "pods", "mesh":
            isWhole = words[0] == "mesh"
            make()
            if stream != nil { for type in [Self.addressType, Self.policyType] { send(type) } }
        case "resync", "again":
            if words[0] == "again" {
                version += 1
                make()
            }
            stream?.finish(RPCStatus(.unavailable, "transport is closing"))
        case "flip":
            flipCount += 1
            guard let server = pods.last else { return }
            tell("flipped", ["port": "\(targetPort)"])
            send(Self.addressType, [mesh.workload(server, targetPort: targetPort, version: flipCount)], "flip")
        case "updates":
            guard words.count == 3, let rate = Int(words[1]), let seconds = Int(words[2]) else { return }
            updates = UpdateStorm(mesh: mesh, rate: rate, total: rate * seconds)
            storm()
        default: tell("unknown", [:])
        }
    }

    private var targetPort: UInt16 { targetPorts[flipCount % targetPorts.count] }

    /// Encodes everything.
    private func make() {
        var addresses = [mesh.labService()]
        addresses += pods.indices.map { index in
            let isServer = index == pods.count - 1
            return mesh.workload(pods[index], targetPort: isServer ? targetPort : nil, version: flipCount)
        }
        var policies = pods.first.map { [mesh.labPolicy(for: $0)] } ?? []
        if isWhole {
            addresses += (0..<mesh.serviceCount).map { mesh.service($0) }
            addresses += (0..<mesh.workloadCount).map { mesh.workload($0, version: version) }
            policies += (0..<mesh.policyCount).map { mesh.policy($0, version: version) }
        }
        messages[Self.addressType] = Self.response(Self.addressType, addresses, "all")
        messages[Self.policyType] = Self.response(Self.policyType, policies, "all")
        let bytes = messages.values.reduce(0) { $0 + $1.count }
        tell("made", ["addresses": "\(addresses.count)", "policies": "\(policies.count)", "bytes": "\(bytes)"])
    }

    // MARK: The protocol

    private func accept(_ stream: RPCServerStream) {
        self.stream = stream
        stream.onMessage = { [unowned self, weak stream] in
            guard stream === self.stream else { return }
            self.received($0)
        }
        stream.onFinished = { [weak stream] in stream?.finish() }
        stream.onEnded = { [unowned self, weak stream] _ in
            if stream === self.stream { self.stream = nil }
        }
    }

    private func received(_ message: [UInt8]) {
        guard let request = try? DeltaDiscoveryRequest(protobuf: message) else { return tell("garbage", [:]) }
        if request.responseNonce.isEmpty {
            tell("subscribed", ["type": "\"\(request.typeURL)\""])
            send(request.typeURL)
        } else if let detail = request.errorDetail {
            tell("refused", ["reason": "\"\(detail.message.prefix(200))\""])
        } else if let number = Int(request.responseNonce) {
            updates?.acknowledged(number)
            guard let updates, updates.isOver else { return }
            tell("updated", ["ack_ns": "\(updates.histogram)", "late": "\(updates.lateCount)"])
            self.updates = nil
        } else {
            tell("taken", ["type": "\"\(request.typeURL)\"", "nonce": "\"\(request.responseNonce)\""])
        }
    }

    private func send(_ type: String) {
        guard let message = messages[type] else { return }
        stream?.send(message)
    }

    private func send(_ type: String, _ resources: [Resource], _ nonce: String) {
        stream?.send(Self.response(type, resources, nonce))
    }

    private static func response(_ type: String, _ resources: [Resource], _ nonce: String) -> [UInt8] {
        var response = DeltaDiscoveryResponse()
        response.typeURL = type
        response.resources = resources
        response.nonce = nonce
        return response.protobuf()
    }

    /// Sends the updates that are due, and comes again while some are left.
    private func storm() {
        guard let storm = updates else { return }
        for number in storm.due() { send(Self.addressType, [storm.resource(number)], "\(number)") }
        guard storm.sentCount < storm.total else { return }
        loop.after(.milliseconds(1)) { [unowned self] in self.storm() }
    }

    private func tell(_ event: String, _ fields: [String: String]) {
        let more = fields.sorted { $0.key < $1.key }.map { ", \"\($0.key)\": \($0.value)" }.joined()
        say("{\"event\": \"\(event)\", \"ns\": \(MonotonicClock.now().nanoseconds)\(more)}\n", to: STDOUT_FILENO)
    }
}
