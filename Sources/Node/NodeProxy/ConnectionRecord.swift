import EventLoop
import HTTP2
import Mesh
import Primitives
import System
import Telemetry
import Tunnel
import Wire

/// What is known of one connection for its line in the access log, in ztunnel's fields and order.
struct ConnectionRecord {
    enum Direction: String {
        case inbound
        case outbound

        var reporter: Reporter { self == .inbound ? .destination : .source }
    }

    let direction: Direction
    var source: Endpoint
    var caller = Party()
    var destination: Endpoint
    var callee = Party()
    /// The CONNECT authority.
    var authority: String?
    var service: Service?
    let started: Instant
    /// Where it is counted, as soon as it is.
    private(set) var series: TrafficSeries?
    /// The policies that would have had to allow the connection, when none did.
    var allowPolicies: [String] = []

    init(_ direction: Direction, from source: Endpoint, to destination: Endpoint, at started: Instant) {
        self.direction = direction
        self.source = source
        self.destination = destination
        self.started = started
    }

    /// Whether it goes through a tunnel, and so through mutual TLS.
    var isTunnelled: Bool { authority != nil }

    /// Counts the connection as opened, once.
    mutating func countOpening(on worker: Worker) {
        guard series == nil else { return }
        let series = worker.traffic.series(for: self, at: worker.loop.now)
        series.opened(self, at: worker.loop.now)
        self.series = series
    }

    /// The beginning: bytes may move.
    mutating func begin(on worker: Worker) {
        countOpening(on: worker)
        worker.logger.log(.debug, "access", "connection opened") { writeParties(to: &$0) }
    }

    /// The end of a connection whose parties are known.
    /// - Parameters: bytes from the caller and to it, and what went wrong.
    mutating func end(
        on worker: Worker, fromCaller: UInt64, toCaller: UInt64, error: String?, flag: ResponseFlag? = nil
    ) {
        countOpening(on: worker)
        let now = worker.loop.now
        series?.closed(
            flag ?? (error == nil ? .none : .connect), received: fromCaller, sent: toCaller, at: now)
        let (sent, received) = direction == .outbound ? (fromCaller, toCaller) : (toCaller, fromCaller)
        worker.logger.log(error == nil ? .info : .error, "access", "connection complete") { line in
            writeParties(to: &line)
            line.bare("bytes_sent", sent)
            line.bare("bytes_recv", received)
            line.text("duration", "\((now - started).wholeMilliseconds)ms")
            if let error { line.text("error", error) }
            if !allowPolicies.isEmpty { line.text("error.policies", allowPolicies.joined(separator: ",")) }
        }
    }

    /// Counts a connection that was refused before its parties were known, and logs it unless there is nothing to say.
    func refuse(on worker: Worker, _ error: String?) {
        worker.counted.refusedConnections[direction.reporter, default: 0] &+= 1
        guard let error else { return }
        worker.logger.log(.warn, "access", "connection failed") { line in
            line.bare("src.addr", source)
            line.bare("dst.addr", destination)
            line.text("direction", direction.rawValue)
            line.text("error", error)
        }
    }

    private func writeParties(to line: inout LogLine) {
        line.bare("src.addr", source)
        caller.write(to: &line, .source)
        line.bare("dst.addr", destination)
        if let authority { line.bare("dst.hbone_addr", authority) }
        if let service { line.text("dst.service", service.hostname) }
        callee.write(to: &line, .destination)
        line.text("direction", direction.rawValue)
    }
}

extension SelfDescription {
    /// What all `baggage` headers of a message say; nil when there is none that can be read.
    convenience init?(fields: [HTTPField]) {
        let values = fields.filter { $0.name == "baggage" }.map(\.bytes)
        guard !values.isEmpty, let baggage = Baggage(headerValues: values) else { return nil }
        self.init(baggage)
    }
}

extension RelayCause {
    /// What went wrong, in words for the log; nil for a connection that ended in order. As ztunnel does, a reset or
    /// vanished application is no failure of the mesh.
    var failure: String? {
        switch self {
        case .completed, .socketFailed(.connectionReset), .socketFailed(.brokenPipe): nil
        case .socketFailed(let failure): "connection failed: \(failure)"
        case .streamReset(.noError), .streamReset(.connectError): nil
        case .streamReset(let code): "the peer reset the stream: \(code)"
        case .tunnelLost(let reason), .unanswered(let reason), .http2Failed(let reason), .peerRevoked(let reason),
            .aborted(let reason):
            reason
        }
    }
}
