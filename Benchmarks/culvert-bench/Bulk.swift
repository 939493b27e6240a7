import EventLoop
import Primitives
import System

/// Moves a number of bytes over each of several connections in one direction, and times the whole.
final class Bulk: StreamOwner {
    enum Direction: String { case upload, download }

    private let loop: EventLoop
    private let direction: Direction
    private let byteCountPerFlow: Int
    private let filler = [UInt8](repeating: Service.count.rawValue, count: 256 * 1024)
    private var streams: [Stream] = []
    private var pending: Int
    private let begin = MonotonicClock.now()
    private(set) var elapsed = Duration.zero
    private(set) var failure: String?

    init(
        to server: Endpoint, _ direction: Direction, flows: Int, byteCountPerFlow: Int, loop: EventLoop
    ) throws(Errno) {
        self.loop = loop
        self.direction = direction
        self.byteCountPerFlow = byteCountPerFlow
        pending = flows
        for number in 0..<flows { streams.append(try Stream(to: server, on: loop, owner: self, number: number)) }
    }

    func opened(_ stream: Stream) {
        switch direction {
        case .upload:
            stream.state = byteCountPerFlow
            drained(stream)
        case .download:
            let wanted = unsafe withUnsafeBytes(of: UInt64(byteCountPerFlow)) { unsafe [UInt8]($0) }
            unsafe ([Service.produce.rawValue] + wanted).withUnsafeBytes { unsafe stream.send($0) }
        }
    }

    func drained(_ stream: Stream) {
        guard direction == .upload, stream.state > 0 else { return }
        stream.state -= stream.fill(upTo: stream.state, from: filler)
        if stream.state == 0 { stream.finish() }
    }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        switch direction {
        case .download:
            stream.state += bytes.count
            if stream.state == byteCountPerFlow { done(stream) }
        case .upload:
            guard bytes.count == 8, unsafe bytes.loadUnaligned(as: UInt64.self) == UInt64(byteCountPerFlow) else {
                return stop("the server did not count \(byteCountPerFlow) bytes")
            }
            done(stream)
        }
    }

    func ended(_ stream: Stream, failure: Errno?) {
        stop("flow \(stream.number) ended early: \(failure?.description ?? "closed")")
    }

    private func done(_ stream: Stream) {
        stream.close()
        pending -= 1
        guard pending == 0 else { return }
        elapsed = MonotonicClock.now() - begin
        loop.stop()
    }

    private func stop(_ text: String) {
        failure = text
        loop.stop()
    }
}
