import EventLoop
import Primitives
import System

/// Connects again and again, in several lanes, and asks each connection where it has led. Tells of each connection when
/// it began, when its answer came, on the clock that all processes share, and the port that it reached.
final class Reach: StreamOwner {
    private let loop: EventLoop
    private let endpoint: Endpoint
    private let pause: Duration
    private let deadline: Instant
    private let question: [UInt8] = [Service.port.rawValue]
    private var streams: [Int: Stream] = [:]
    private(set) var connections: [(begin: Instant, end: Instant, port: Int)] = []
    private(set) var failure: String?

    init(to endpoint: Endpoint, atOnce: Int, pause: Duration, seconds: Int, loop: EventLoop) throws(Errno) {
        self.loop = loop
        self.endpoint = endpoint
        self.pause = pause
        deadline = MonotonicClock.now() + .seconds(seconds)
        for lane in 0..<atOnce { try start(lane) }
    }

    /// All connections as JSON: [[begin, end, port], ...] in nanoseconds.
    var json: String {
        let rows = connections.map { "[\($0.begin.nanoseconds), \($0.end.nanoseconds), \($0.port)]" }
        return "[\(rows.joined(separator: ", "))]"
    }

    private func start(_ lane: Int) throws(Errno) {
        let begin = MonotonicClock.now()
        let stream = try Stream(to: endpoint, on: loop, owner: self, number: lane)
        stream.started = begin
        streams[lane] = stream
    }

    func opened(_ stream: Stream) { unsafe question.withUnsafeBytes { unsafe stream.send($0) } }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        guard bytes.count == 2 else { return stop("an answer of \(bytes.count) bytes") }
        let now = MonotonicClock.now()
        connections.append((stream.started, now, Int(unsafe bytes[0]) << 8 | Int(unsafe bytes[1])))
        stream.close()
        let lane = stream.number
        streams[lane] = nil
        guard now < deadline else { return loop.stop() }
        _ = loop.after(pause) { [unowned self] in
            do throws(Errno) { try self.start(lane) } catch { self.stop("connecting: \(error)") }
        }
    }

    func drained(_ stream: Stream) {}

    func ended(_ stream: Stream, failure: Errno?) {
        stop("connection \(connections.count) ended early: \(failure?.description ?? "closed")")
    }

    private func stop(_ text: String) {
        failure = text
        loop.stop()
    }
}
