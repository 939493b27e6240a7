import RPC
import Schema
import Telemetry

/// Serves the delta streams of all nodes with one state of the mesh after another.
final class DiscoveryServer {
    static let path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

    /// A node's stream.
    private final class Subscriber {
        let stream: RPCServerStream
        let node: String
        var session = DiscoverySession()

        init(stream: RPCServerStream, node: String) {
            self.stream = stream
            self.node = node
        }

        func send(_ snapshot: ResourceSnapshot) -> [DeltaDiscoveryResponse] {
            let responses = session.responses(for: snapshot)
            for response in responses { stream.send(response.protobuf()) }
            return responses
        }
    }

    private let logger: Logger
    private var snapshot = ResourceSnapshot()
    private var subscribers: [ObjectIdentifier: Subscriber] = [:]

    init(logger: Logger) { self.logger = logger }

    /// Tells every node what is new in this state.
    func publish(_ snapshot: ResourceSnapshot) {
        self.snapshot = snapshot
        for subscriber in subscribers.values { send(to: subscriber) }
    }

    /// Ends all streams; the nodes go on with what they know and come back. The words are gRPC's for a peer that goes.
    func finish() {
        for subscriber in Array(subscribers.values) {
            subscriber.stream.finish(RPCStatus(.unavailable, "transport is closing: the control plane stops"))
        }
    }

    /// Serves a stream of the node that has proved to be `node`.
    func accept(_ stream: RPCServerStream, node: String) {
        let subscriber = Subscriber(stream: stream, node: node)
        let key = ObjectIdentifier(subscriber)
        subscribers[key] = subscriber
        stream.onMessage = { [weak self, weak subscriber] message in
            guard let self, let subscriber else { return }
            receive(message, from: subscriber)
        }
        stream.onFinished = { [weak stream] in stream?.finish() }
        stream.onEnded = { [weak self] status in
            self?.subscribers[key] = nil
            self?.logger.log(.info, "xds", "node gone", [.text("node", node), .text("status", status.description)])
        }
        logger.log(.info, "xds", "node connected", [.text("node", node), .bare("peer", stream.head.peer)])
    }

    private func receive(_ message: [UInt8], from subscriber: Subscriber) {
        do throws(ProtobufError) {
            let event = subscriber.session.receive(try DeltaDiscoveryRequest(protobuf: message))
            log(event, subscriber.node)
            send(to: subscriber)
        } catch {
            subscriber.stream.finish(RPCStatus(.invalidArgument, error.description))
        }
    }

    private func send(to subscriber: Subscriber) {
        for response in subscriber.send(snapshot) {
            logger.log(
                .info, "xds", "push",
                [
                    .text("node", subscriber.node), .text("type", response.typeURL), .text("nonce", response.nonce),
                    .bare("updated", response.resources.count), .bare("removed", response.removedResources.count),
                ])
        }
    }

    private func log(_ event: DiscoverySession.Event, _ node: String) {
        switch event {
        case .subscribed(let type, let id, let heldCount):
            let fields: [LogField] = [
                .text("node", node), .text("id", id), .text("type", type), .bare("held", heldCount),
            ]
            logger.log(.info, "xds", "subscribed", fields)
        case .asked(let type, let names):
            logger.log(
                .debug, "xds", "asked for names",
                [.text("node", node), .text("type", type), .text("names", names.sorted().joined(separator: ","))])
        case .accepted(let type, let nonce):
            logger.log(.debug, "xds", "ack", [.text("node", node), .text("type", type), .text("nonce", nonce)])
        case .refused(let type, let nonce, let reason):
            logger.log(
                .warn, "xds", "nack",
                [.text("node", node), .text("type", type), .text("nonce", nonce), .text("error", reason)])
        case .stale(let type, let nonce):
            logger.log(
                .debug, "xds", "stale answer", [.text("node", node), .text("type", type), .text("nonce", nonce)])
        case .unknownType(let type):
            logger.log(.warn, "xds", "unknown type", [.text("node", node), .text("type", type)])
        }
    }
}
