import EventLoop
import Primitives
import System

/// Sends a message over one connection, waits for all of it to come back, and again.
final class PingPong: StreamOwner {
    private let loop: EventLoop
    private let message: [UInt8]
    private let warmUpRounds: Int
    private let rounds: Int
    /// When it ends if the rounds take longer.
    private let deadline: Instant
    private var stream: Stream?
    private var round = 0
    private var missing = 0
    private var sent = Instant(nanoseconds: 0)
    private(set) var histogram = Histogram()
    private(set) var failure: String?

    init(
        to endpoint: Endpoint, byteCount: Int, rounds: Int, warmUpRounds: Int, seconds: Int, loop: EventLoop
    ) throws(Errno) {
        self.loop = loop
        message = [UInt8](repeating: Service.echo.rawValue, count: byteCount)
        self.rounds = rounds
        self.warmUpRounds = warmUpRounds
        deadline = MonotonicClock.now() + .seconds(seconds)
        stream = try Stream(to: endpoint, on: loop, owner: self)
    }

    func opened(_ stream: Stream) { ping(stream) }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        missing -= bytes.count
        guard missing <= 0 else { return }
        let now = MonotonicClock.now()
        if round > warmUpRounds { histogram.record(nanoseconds: (now - sent).nanoseconds) }
        if round < rounds + warmUpRounds, now < deadline { ping(stream) } else { loop.stop() }
    }

    func drained(_ stream: Stream) {}

    func ended(_ stream: Stream, failure: Errno?) {
        self.failure = "the connection ended after \(round) rounds: \(failure?.description ?? "closed")"
        loop.stop()
    }

    private func ping(_ stream: Stream) {
        round += 1
        missing = message.count
        sent = MonotonicClock.now()
        unsafe message.withUnsafeBytes { unsafe stream.send($0) }
    }
}

extension Duration {
    /// Never negative: the clock is monotonic.
    var nanoseconds: UInt64 { UInt64(clamping: clampedNanoseconds) }
}
