import EventLoop
import Primitives
import System

/// Opens a connection, sends 64 bytes, waits for them to come back, closes, and again; several at a time, each of them
/// always to the same endpoint.
final class Connections: StreamOwner {
    private let loop: EventLoop
    private let endpoints: [Endpoint]
    private let message = [UInt8](repeating: Service.echo.rawValue, count: 64)
    private let total: Int
    /// Between two connections to the same endpoint.
    private let pause: Duration?
    /// By lane.
    private var streams: [Int: Stream] = [:]
    private var started = 0
    private var finished = 0
    private let begin = MonotonicClock.now()
    private(set) var elapsed = Duration.zero
    private(set) var histogram = Histogram()
    private(set) var failure: String?

    init(to endpoints: [Endpoint], total: Int, atOnce: Int, pause: Duration?, loop: EventLoop) throws(Errno) {
        self.loop = loop
        self.endpoints = endpoints
        self.total = total
        self.pause = pause
        for lane in 0..<min(atOnce, total) { try start(lane) }
    }

    private func start(_ lane: Int) throws(Errno) {
        guard started < total else { return }
        started += 1
        let began = MonotonicClock.now()
        let stream = try Stream(to: endpoints[lane % endpoints.count], on: loop, owner: self, number: lane)
        stream.started = began
        streams[lane] = stream
    }

    func opened(_ stream: Stream) { unsafe message.withUnsafeBytes { unsafe stream.send($0) } }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        stream.state += bytes.count
        guard stream.state >= message.count else { return }
        histogram.record(nanoseconds: (MonotonicClock.now() - stream.started).nanoseconds)
        stream.close()
        let lane = stream.number
        streams[lane] = nil
        finished += 1
        if finished == total {
            elapsed = MonotonicClock.now() - begin
            loop.stop()
        } else if let pause {
            _ = loop.after(pause) { [unowned self] in self.next(lane) }
        } else {
            next(lane)
        }
    }

    func drained(_ stream: Stream) {}

    func ended(_ stream: Stream, failure: Errno?) {
        stop("connection \(started) ended early: \(failure?.description ?? "closed")")
    }

    private func next(_ lane: Int) {
        do throws(Errno) { try start(lane) } catch { stop("connecting: \(error)") }
    }

    private func stop(_ text: String) {
        failure = text
        loop.stop()
    }
}
