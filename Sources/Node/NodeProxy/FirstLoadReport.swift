import Discovery
import EventLoop
import Mesh
import Policy
import Primitives
import Telemetry

/// Tells in the log how the first state of the mesh comes along, more and more seldom, and how long it took.
final class FirstLoadReport {
    private let loop: EventLoop
    private let logger: Logger
    private let began: Instant
    private var interval = Limits.firstLoadReportIntervalMin
    private var timer: TimerToken?
    /// Bytes of resources of the responses that came whole.
    private var byteCount = 0
    private weak var client: DiscoveryClient?

    init(of client: DiscoveryClient, loop: EventLoop, logger: Logger) {
        (self.client, self.loop, self.logger) = (client, loop, logger)
        began = loop.now
        awaitNext()
    }

    func received(byteCount count: Int) { byteCount += count }

    /// Nothing follows.
    func stop() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    func complete() {
        stop()
        log("first state of the mesh is complete", under: 0)
    }

    private func awaitNext() {
        timer = loop.after(interval) { [weak self] in self?.report() }
    }

    private func report() {
        log("first state of the mesh is being loaded", under: client?.arrivingByteCount ?? 0)
        interval = min(interval * 2, Limits.firstLoadReportIntervalMax)
        awaitNext()
    }

    /// - Parameter underWay: bytes of a response that is not whole yet.
    private func log(_ text: String, under underWay: Int) {
        guard let client else { return }
        let state = client.state
        logger.log(
            .info, "readiness", text,
            [
                .bare("workloads", state.workloadCount), .bare("services", state.serviceCount),
                .bare("policies", state.policies.count), .bare("bytes", byteCount + underWay),
                .bare("elapsed", "\((loop.now - began).wholeMilliseconds)ms"), .bare("connected", client.isConnected),
            ])
    }
}

@available(*, unavailable) extension FirstLoadReport: Sendable {}
