import EventLoop
import Primitives
import System

/// Opens a connection, sends 64 bytes, waits for them to come back, closes, and again; several at a time.
final class Connections: StreamOwner {
    private let loop: EventLoop
    private let endpoint: Endpoint
    private let message = [UInt8](repeating: Service.echo.rawValue, count: 64)
    private let total: Int
    private var streams: [Int: Stream] = [:]
    private var started = 0
    private var finished = 0
    private let begin = MonotonicClock.now()
    private(set) var elapsed = Duration.zero
    private(set) var histogram = Histogram()
    private(set) var failure: String?

    init(to endpoint: Endpoint, total: Int, atOnce: Int, loop: EventLoop) throws(Errno) {
        self.loop = loop
        self.endpoint = endpoint
        self.total = total
        for _ in 0..<min(atOnce, total) { try start() }
    }

    private func start() throws(Errno) {
        let stream = try Stream(to: endpoint, on: loop, owner: self, number: started)
        stream.started = MonotonicClock.now()
        streams[started] = stream
        started += 1
    }

    func opened(_ stream: Stream) { unsafe message.withUnsafeBytes { unsafe stream.send($0) } }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        stream.state += bytes.count
        guard stream.state >= message.count else { return }
        histogram.record(nanoseconds: (MonotonicClock.now() - stream.started).nanoseconds)
        stream.close()
        streams[stream.number] = nil
        finished += 1
        if finished == total {
            elapsed = MonotonicClock.now() - begin
            loop.stop()
        } else if started < total {
            do throws(Errno) { try start() } catch { stop("connecting: \(error)") }
        }
    }

    func drained(_ stream: Stream) {}

    func ended(_ stream: Stream, failure: Errno?) {
        stop("connection \(stream.number) ended early: \(failure?.description ?? "closed")")
    }

    private func stop(_ text: String) {
        failure = text
        loop.stop()
    }
}
