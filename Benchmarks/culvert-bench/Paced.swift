import EventLoop
import Primitives
import System

/// Requests at a fixed rate, spread over several connections, whether or not answers keep up, so that a stall shows in
/// every request it delays.
final class Paced: StreamOwner {
    /// Timers of the loop are a millisecond coarse; so is the pace.
    private static let grain = Duration.milliseconds(2)

    private let loop: EventLoop
    private let message: [UInt8]
    private let interval: Duration
    private let total: Int
    private var streams: [Stream] = []
    private var due: [[Instant]]
    private var heads: [Int]
    private var openCount = 0
    private var begin = Instant(nanoseconds: 0)
    private var issued = 0
    private var answered = 0
    private(set) var histogram = Histogram()
    private(set) var failure: String?

    init(
        to endpoint: Endpoint, byteCount: Int, rate: Int, connections: Int, seconds: Int, loop: EventLoop
    ) throws(Errno) {
        self.loop = loop
        message = [UInt8](repeating: Service.echo.rawValue, count: byteCount)
        interval = .nanoseconds(1_000_000_000 / rate)
        total = rate * seconds
        due = Array(repeating: [], count: connections)
        heads = Array(repeating: 0, count: connections)
        for number in 0..<connections {
            streams.append(try Stream(to: endpoint, on: loop, owner: self, number: number))
        }
    }

    func opened(_ stream: Stream) {
        openCount += 1
        guard openCount == streams.count else { return }
        begin = MonotonicClock.now() + interval
        issue()
    }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        let now = MonotonicClock.now()
        stream.state += bytes.count
        while stream.state >= message.count {
            stream.state -= message.count
            histogram.record(nanoseconds: (now - due[stream.number][heads[stream.number]]).nanoseconds)
            heads[stream.number] += 1
            answered += 1
        }
        if answered == total { loop.stop() }
    }

    func drained(_ stream: Stream) {}

    func ended(_ stream: Stream, failure: Errno?) {
        self.failure = "a connection ended after \(answered) answers: \(failure?.description ?? "closed")"
        loop.stop()
    }

    /// Sends what is due, and comes back for the next.
    private func issue() {
        let now = MonotonicClock.now()
        while issued < total {
            let moment = begin + interval * issued
            guard moment <= now else { break }
            let stream = streams[issued % streams.count]
            // What the timer's grain makes late is not the proxies' doing; being held up longer counts in full.
            due[stream.number].append(now - moment <= Self.grain ? now : moment)
            unsafe message.withUnsafeBytes { unsafe stream.send($0) }
            issued += 1
        }
        if issued < total { loop.after(.milliseconds(1)) { [unowned self] in self.issue() } }
    }
}
