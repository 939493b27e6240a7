public import ControlPlane
public import EventLoop
public import Mesh
import Primitives
import RPC
public import Schema
public import Telemetry

/// Follows a control plane over delta xDS: one stream after the other, with the state kept across them.
public final class DiscoveryClient {
    private let access: ControlPlaneAccess
    let loop: EventLoop
    private let logger: Logger?
    private weak var delegate: (any DiscoveryDelegate)?
    private(set) var store: ResourceStore
    private var random: any RandomNumberGenerator
    private var backoff = ReconnectBackoff()
    private var attempt: Attempt?
    private var retry: TimerToken?
    private var streamCount = 0
    private var hasToldReadiness = false
    private var untold: UntoldNews?
    private var lastTold: Instant?
    private var telling: TimerToken?
    /// Names asked for on demand, and who waits for them.
    var requested = RequestedNames()
    var questions: [Int: Question] = [:]
    var questionsByName: [String: [Int]] = [:]
    var nextQuestion = 0

    /// One stream and the channel made for it.
    private struct Attempt {
        let channel: RPCChannel
        let stream: RPCStream
        /// When the server's first answer came.
        var opened: Instant?
    }

    /// - Parameter store: Where responses go, empty or filled from elsewhere.
    public init(
        access: ControlPlaneAccess, store: ResourceStore, loop: EventLoop, delegate: any DiscoveryDelegate,
        random: any RandomNumberGenerator, logger: Logger? = nil
    ) {
        self.access = access
        self.store = store
        self.loop = loop
        self.delegate = delegate
        self.random = random
        self.logger = logger
    }

    /// What is known of the mesh.
    public var state: MeshState { store.state }

    /// Whether the first state is complete; never becomes false again.
    public var isReady: Bool { store.isReady }

    /// Whether the control plane answers on a stream.
    public var isConnected: Bool { attempt?.opened != nil }

    /// Bytes that have arrived of a response that is not whole yet.
    public var arrivingByteCount: Int { attempt?.stream.arrivingByteCount ?? 0 }

    /// Connects, and goes on connecting until `stop`.
    public func start() {
        guard attempt == nil, retry == nil else { return }
        connect()
    }

    /// Ends the stream. The state stays.
    public func stop() {
        if let retry { loop.cancel(retry) }
        retry = nil
        tell()
        guard let attempt else { return }
        self.attempt = nil
        attempt.stream.cancel()
        attempt.channel.close()
    }

    /// Applies what comes from elsewhere than the control plane.
    /// - Returns: why some of it was refused.
    public func applyLocal(_ response: DeltaDiscoveryResponse) -> [String] {
        let outcome = store.applyLocal(response)
        delegate?.discoveryUpdated(outcome.update)
        return outcome.complaints
    }

    private func connect() {
        retry = nil
        let channel: RPCChannel
        let credentials: [HTTPField]
        do throws(AccessFailure) {
            channel = try access.channel(on: loop)
            credentials = try access.metadata()
        } catch {
            return ended(RPCStatus(.unauthenticated, error.description, origin: .connect), openedAt: nil)
        }
        streamCount += 1
        let number = streamCount
        let stream = channel.stream(Self.path, metadata: credentials)
        stream.onOpened = { [weak self] _ in self?.opened(number) }
        stream.onMessage = { [weak self] in self?.received($0, number) }
        stream.onEnded = { [weak self] status, _ in self?.ended(status, number) }
        attempt = Attempt(channel: channel, stream: stream)
        for request in store.subscriptions(awaiting: requested.pending) { stream.send(request.protobuf()) }
    }

    /// Sends a request on the stream, if there is one; the next one begins with what is needed then.
    func send(_ request: DeltaDiscoveryRequest) { attempt?.stream.send(request.protobuf()) }

    private static let path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"

    private func opened(_ number: Int) {
        guard number == streamCount, attempt != nil else { return }
        attempt?.opened = loop.now
        logger?.log(.info, Self.scope, "Stream established")
    }

    private func received(_ message: [UInt8], _ number: Int) {
        guard number == streamCount, let stream = attempt?.stream else { return }
        let response: DeltaDiscoveryMessage
        do {
            response = try DeltaDiscoveryMessage(message)
        } catch {
            logger?.log(.error, Self.scope, "unreadable response", [.text("error", error.description)])
            return stream.cancel()
        }
        let outcome = store.apply(response)
        delegate?.discoveryReceived(typeURL: response.typeURL, byteCount: outcome.byteCount)
        log(outcome.reply)
        if untold == nil { untold = UntoldNews(outcome) } else { untold?.add(outcome) }
        let pause = lastTold.map { Limits.discoveryNewsInterval - (loop.now - $0) } ?? .zero
        guard pause > .zero else { return tell() }
        if telling == nil { telling = loop.after(pause) { [weak self] in self?.tell() } }
    }

    /// Tells what is new, and that it was taken.
    private func tell() {
        if let telling { loop.cancel(telling) }
        telling = nil
        guard let news = untold else { return }
        untold = nil
        lastTold = loop.now
        // First the workers, then the server: what it hears of has taken effect.
        delegate?.discoveryUpdated(news.update)
        settle(present: news.present, removed: news.removed)
        for reply in news.replies { send(reply) }
        guard store.isReady, !hasToldReadiness else { return }
        hasToldReadiness = true
        delegate?.discoveryBecameReady()
    }

    private func ended(_ status: RPCStatus, _ number: Int) {
        guard number == streamCount, let attempt else { return }
        tell()
        self.attempt = nil
        attempt.channel.close()
        ended(status, openedAt: attempt.opened)
    }

    private func ended(_ status: RPCStatus, openedAt opened: Instant?) {
        let lasted = opened.map { loop.now - $0 }
        let ending = ReconnectBackoff.Ending(status, lasted: lasted)
        let pause = backoff.pause(after: ending, lasted: lasted, random: random.next())
        logger?.log(
            ending == .notEstablished || ending == .failed ? .warn : .info, Self.scope, "XDS client connection ended",
            [.text("error", status.description), .text("retry", "\(pause)")])
        delegate?.discoveryEnded(DiscoveryTermination(ending, status), status)
        retry = loop.after(pause) { [weak self] in self?.connect() }
    }

    private func log(_ reply: DeltaDiscoveryRequest) {
        let fields: [LogField] = [.text("type_url", reply.typeURL), .text("nonce", reply.responseNonce)]
        guard let detail = reply.errorDetail else {
            logger?.log(.debug, Self.scope, "sending response", fields + [.text("type", "Ack")])
            return
        }
        logger?.log(
            .error, Self.scope, "sending response", fields + [.text("type", "Nack"), .text("error", detail.message)])
    }

    private static let scope = "xds::client"
}

extension ReconnectBackoff.Ending {
    /// - Parameter lasted: How long the stream was open; nil when it never was.
    fileprivate init(_ status: RPCStatus, lasted: Duration?) {
        guard let lasted else {
            self = .notEstablished
            return
        }
        switch (status.origin, status.code) {
        case (.peer, .unknown), (.peer, .cancelled), (.peer, .deadlineExceeded): self = .routine
        case (.peer, .unavailable) where Self.routineTexts.contains(where: status.message.contains): self = .routine
        case (.transport, _), (.peer, .ok), (.local, .ok):
            self = lasted < Limits.discoveryStreamDurationMin ? .failed : .completed
        default: self = .failed
        }
    }

    private static var routineTexts: [String] { ["transport is closing", "received prior goaway"] }
}

extension DiscoveryTermination {
    fileprivate init(_ ending: ReconnectBackoff.Ending, _ status: RPCStatus) {
        switch ending {
        case .notEstablished: self = .connectionError
        case .routine: self = .reconnect
        case .failed: self = status.isOK || status.origin == .transport ? .complete : .error
        case .completed: self = .complete
        }
    }
}

@available(*, unavailable) extension DiscoveryClient: Sendable {}
