public import EventLoop
import Primitives
import System
public import Wire

/// One question to the name servers, until one of them has answered or all have had their chances.
///
/// Each server is asked in turn, each time from a new socket with a new id, so that nobody answers who was not asked.
/// One that fails is followed by the next at once; when all have failed the question waits for the time of the last
/// one to pass, and goes round again.
public final class DNSExchange {
    /// The answer, or why there is none.
    public typealias Completion = (Result<DNSMessage, ResolutionFailure>) -> Void

    private let loop: EventLoop
    private let servers: NameServers
    private let question: DNSMessage.Question
    private let transport: DNSQuery.Transport
    private let buffer: DatagramBuffer
    private let query: (UInt16) -> [UInt8]
    private var completion: Completion?
    private let deadline: Instant
    private var tryCount = 0
    private var id: UInt16 = 0
    private var socket: OwnedDescriptor?
    private var registration: Registration?
    private var timer: TimerToken?
    private var strayCount = 0
    /// TCP: what has not left yet, and what has come.
    private var outgoing: [UInt8] = []
    private var incoming: [UInt8] = []
    /// A failure that a server told, to be passed on when the others do no better.
    private var refusal: DNSMessage?
    private var lastFailure: Errno?

    /// - Parameters:
    ///   - question: What an answer must be to.
    ///   - query: The message that asks it, given its id.
    ///   - completion: Called once, never from within `start`, unless the exchange is cancelled before.
    public init(
        _ question: DNSMessage.Question, over transport: DNSQuery.Transport, to servers: NameServers, loop: EventLoop,
        buffer: DatagramBuffer, query: @escaping (UInt16) -> [UInt8], completion: @escaping Completion
    ) {
        self.question = question
        self.transport = transport
        self.servers = servers
        self.loop = loop
        self.buffer = buffer
        self.query = query
        self.completion = completion
        deadline = loop.now + Limits.nameExchangeDuration
    }

    /// Asks the first server. The loop holds the exchange until it ends.
    public func start() {
        guard !servers.configuration.servers.isEmpty else {
            loop.after(.zero) { self.finish(.failure(.noServer)) }
            return
        }
        ask()
    }

    /// Ends it without an answer.
    public func cancel() {
        completion = nil
        close()
        stopTimer()
    }

    // MARK: Tries

    private var server: Endpoint {
        servers.configuration.servers[tryCount % servers.configuration.servers.count]
    }

    private var tryCountMax: Int { servers.configuration.servers.count * (servers.configuration.retryCount + 1) }

    private func ask() {
        timer = loop.schedule(after: servers.configuration.timeout, kind: 0, handler: self)
        strayCount = 0
        id = UInt16(truncatingIfNeeded: Entropy.uint64())
        let message = query(id)
        do throws(Errno) {
            let made = try servers.dial(server, transport)
            switch transport {
            case .udp:
                registration = try loop.register(made, for: .readable, handler: self)
                _ = try made.write(message[...])
            case .tcp:
                outgoing = [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message
                incoming = []
                registration = try loop.register(made, handler: self)
            }
            socket = consume made
        } catch {
            failed(error)
        }
    }

    /// This server will not answer this time.
    private func failed(_ failure: Errno?) {
        close()
        if let failure { lastFailure = failure }
        // Where all have failed at once they are given the time to come back.
        guard (tryCount + 1) % servers.configuration.servers.count != 0 else { return }
        stopTimer()
        // From a timer, so that servers that cannot be reached at all are not tried within each other.
        timer = loop.schedule(after: .zero, kind: 0, handler: self)
    }

    private func answered(_ message: DNSMessage) {
        let isFailure = message.header.code == .serverFailure || message.header.code == .refused
        guard isFailure, (tryCount + 1) % servers.configuration.servers.count != 0 else {
            return finish(.success(message))
        }
        refusal = message
        failed(nil)
    }

    private func finish(_ result: Result<DNSMessage, ResolutionFailure>) {
        let completion = completion
        cancel()
        completion?(result)
    }

    private func close() {
        if let registration { loop.forgetClosing(registration) }
        registration = nil
        socket = nil
    }

    private func stopTimer() {
        if let timer { loop.cancel(timer) }
        timer = nil
    }

    // MARK: Bytes

    private func receiveDatagrams() throws(Errno) {
        while let arrival = try socket?.receiveDatagram(into: buffer) {
            if let message = try? DNSMessage(buffer.prefix(arrival.byteCount)), message.isAnswer(to: question, id: id) {
                return answered(message)
            }
            strayCount += 1
            guard strayCount <= Limits.nameServerStrayCountMax else { return failed(nil) }
        }
    }

    private func moveStream(_ events: ReadyEvents) throws(Errno) {
        if events.contains(.writable), !outgoing.isEmpty {
            if let failure = socket?.connectFailure { throw failure }
            if case .bytes(let count)? = try socket?.write(outgoing[...]) { outgoing.removeFirst(count) }
        }
        guard events.contains(.readable) || events.contains(.hangUp) else { return }
        while let outcome = unsafe try socket?.read(into: buffer.bytes) {
            switch outcome {
            case .wouldBlock: return
            case .endOfStream: return failed(nil)
            case .bytes(let count): incoming += buffer.prefix(count)
            }
            guard incoming.count >= 2 else { continue }
            let end = 2 + (Int(incoming[0]) << 8 | Int(incoming[1]))
            guard incoming.count >= end else { continue }
            guard let message = try? DNSMessage(Array(incoming[2..<end])), message.isAnswer(to: question, id: id) else {
                return failed(nil)
            }
            return answered(message)
        }
    }
}

extension DNSExchange: EventHandler {
    public func ready(_ events: ReadyEvents) {
        do throws(Errno) {
            switch transport {
            case .udp: try receiveDatagrams()
            case .tcp: try moveStream(events)
            }
        } catch {
            failed(error)
        }
    }
}

extension DNSExchange: TimerHandler {
    /// The next server's turn.
    public func timerFired(_ kind: Int) {
        timer = nil
        close()
        tryCount += 1
        if tryCount < tryCountMax, loop.now < deadline { return ask() }
        finish(refusal.map { .success($0) } ?? .failure(.unanswered(lastFailure)))
    }
}

extension OwnedDescriptor {
    fileprivate borrowing func receiveDatagram(into buffer: DatagramBuffer) throws(Errno) -> UDPSocket.Arrival? {
        try unsafe UDPSocket.receive(from: self, into: buffer.bytes)
    }

    /// Why connecting failed, if it did.
    fileprivate var connectFailure: Errno? { TCPSocket.pendingError(of: self) }
}

@available(*, unavailable) extension DNSExchange: Sendable {}
