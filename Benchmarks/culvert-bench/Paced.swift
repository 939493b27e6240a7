import EventLoop
import Primitives
import System

/// Requests at a fixed rate, spread over several connections, whether or not answers keep up. An answer's time counts
/// from when its request was due, so that a stall shows in every request it delays.
final class Paced: StreamOwner {
    private let loop: EventLoop
    private let byteCount: Int
    private let interval: Duration
    private let total: Int
    private var streams: [Stream] = []
    /// Answers on each connection.
    private var answers: [Int]
    private var openCount = 0
    private var begin = Instant(nanoseconds: 0)
    private var answered = 0
    private(set) var histogram = Histogram()
    private(set) var failure: String?

    init(
        to endpoint: Endpoint, byteCount: Int, rate: Int, connections: Int, seconds: Int, loop: EventLoop
    ) throws(Errno) {
        self.loop = loop
        self.byteCount = byteCount
        interval = .nanoseconds(1_000_000_000 / rate)
        total = rate * seconds
        answers = Array(repeating: 0, count: connections)
        for number in 0..<connections {
            streams.append(try Stream(to: endpoint, on: loop, owner: self, number: number))
        }
    }

    func opened(_ stream: Stream) {
        openCount += 1
        guard openCount == streams.count else { return }
        // The pace needs a moment to be set up.
        begin = MonotonicClock.now() + .milliseconds(20)
        let pace = Pace(
            begin: begin, interval: interval, total: total, descriptors: streams.map(\.raw),
            message: [UInt8](repeating: Service.echo.rawValue, count: byteCount))
        guard Thread.start(named: "pace", { pace.run() }) else {
            failure = "the kernel refuses a thread"
            return loop.stop()
        }
    }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        let now = MonotonicClock.now()
        stream.state += bytes.count
        while stream.state >= byteCount {
            stream.state -= byteCount
            // Requests take turns on the connections, so an answer's place on its own says which request it answers.
            let request = answers[stream.number] * streams.count + stream.number
            histogram.record(nanoseconds: (now - (begin + interval * request)).nanoseconds)
            answers[stream.number] += 1
            answered += 1
        }
        if answered == total { loop.stop() }
    }

    func drained(_ stream: Stream) {}

    func ended(_ stream: Stream, failure: Errno?) {
        self.failure = "a connection ended after \(answered) answers: \(failure?.description ?? "closed")"
        loop.stop()
    }
}
