import EventLoop
import Glibc
import Primitives
import System

/// Opens connections, exchanges 64 bytes on each, and keeps them, idle, until its standard input ends.
final class Idle: StreamOwner {
    /// Connections being made at a time.
    private static let connectingCountMax = 32

    private let loop: EventLoop
    private let endpoints: [Endpoint]
    private let total: Int
    private let message = [UInt8](repeating: Service.echo.rawValue, count: 64)
    private var streams: [Stream] = []
    private var idleCount = 0
    private var input: StandardInput?
    private(set) var failure: String?

    init(to endpoints: [Endpoint], total: Int, loop: EventLoop) throws(Errno) {
        self.loop = loop
        self.endpoints = endpoints
        self.total = total
        streams.reserveCapacity(total)
        for _ in 0..<min(Self.connectingCountMax, total) { try start() }
    }

    private func start() throws(Errno) {
        let number = streams.count
        streams.append(
            try Stream(to: endpoints[number % endpoints.count], on: loop, owner: self, number: number))
    }

    func opened(_ stream: Stream) { unsafe message.withUnsafeBytes { unsafe stream.send($0) } }

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        stream.state += bytes.count
        guard stream.state >= message.count else { return }
        idleCount += 1
        do throws(Errno) {
            if streams.count < total { try start() }
            if idleCount == total { try hold() }
        } catch {
            stop("connecting: \(error)")
        }
    }

    func drained(_ stream: Stream) {}

    func ended(_ stream: Stream, failure: Errno?) {
        stop("connection \(stream.number) of \(total) ended: \(failure?.description ?? "closed")")
    }

    private func hold() throws(Errno) {
        input = try StandardInput(loop: loop, ended: { [unowned self] in self.loop.stop() })
        say("ready\n", to: STDOUT_FILENO)
    }

    private func stop(_ text: String) {
        failure = text
        loop.stop()
    }
}
