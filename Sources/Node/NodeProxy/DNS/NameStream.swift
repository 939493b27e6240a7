import EventLoop
import Primitives
import Resolver
import System
import Wire

/// One TCP connection on which a pod asks for names: each message behind its length (RFC 7766). Answers go out as they
/// come; questions that are more than may be under way wait in the kernel.
final class NameStream {
    private let loop: EventLoop
    private let buffer: DatagramBuffer
    private unowned let proxy: NameProxy
    private let ended: (NameStream) -> Void
    private var socket: OwnedDescriptor?
    private var registration: Registration?
    private var timer: TimerToken?
    private var incoming: [UInt8] = []
    private var outgoing: [UInt8] = []
    private var underWayCount = 0
    /// Questions taken and bytes written since the timer last looked.
    private var progress = 0
    private var isReadable = false
    private var hasEnded = false
    private var isPumping = false

    /// Serves the connection until it ends; the loop holds it until then.
    init(
        _ socket: consuming OwnedDescriptor, _ worker: Worker, _ proxy: NameProxy,
        ended: @escaping (NameStream) -> Void
    ) throws(Errno) {
        loop = worker.loop
        buffer = worker.datagrams
        self.proxy = proxy
        self.ended = ended
        let port = Port()
        registration = try loop.register(socket, handler: port)
        self.socket = consume socket
        port.stream = self
        timer = loop.schedule(after: Limits.queryConnectionDuration, kind: 0, handler: self)
    }

    /// The connection as the loop sees it: it must be watched before there is a stream.
    private final class Port: EventHandler {
        var stream: NameStream?
        func ready(_ events: ReadyEvents) { stream?.ready(events) }
    }

    func close() {
        guard let registration else { return }
        self.registration = nil
        loop.forgetClosing(registration)
        socket = nil
        if let timer { loop.cancel(timer) }
        timer = nil
        ended(self)
    }

    private func ready(_ events: ReadyEvents) {
        if events.contains(.readable) || events.contains(.hangUp) { isReadable = true }
        pump()
    }

    private func pump() {
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        do throws(Errno) {
            while true {
                take()
                try flush()
                if hasRoom, hasQuestion { continue }
                guard try read() else { break }
            }
        } catch {
            return close()
        }
        if hasEnded, underWayCount == 0, outgoing.isEmpty { close() }
    }

    private var hasRoom: Bool {
        underWayCount < Limits.queryPipelineCountMax && outgoing.count < Limits.dnsMessageByteCountMax
    }

    /// Where the first message ends, once its length has come.
    private var messageEnd: Int? { incoming.count < 2 ? nil : 2 + (Int(incoming[0]) << 8 | Int(incoming[1])) }

    /// Whether a message has come whole.
    private var hasQuestion: Bool { messageEnd.map { $0 <= incoming.count } ?? false }

    /// Asks what has come whole.
    private func take() {
        while hasRoom, hasQuestion, let end = messageEnd {
            let question = Array(incoming[2..<end])
            incoming.removeFirst(end)
            underWayCount += 1
            progress += 1
            proxy.receive(question, over: .tcp) { [weak self] in self?.reply($0) }
        }
    }

    private func reply(_ answer: [UInt8]?) {
        underWayCount -= 1
        guard registration != nil else { return }
        if let answer { outgoing += [UInt8(answer.count >> 8), UInt8(answer.count & 0xff)] + answer }
        pump()
    }

    /// Reads once, unless what was read before still waits.
    /// - Returns: whether something came.
    private func read() throws(Errno) -> Bool {
        guard isReadable, hasRoom, let outcome = unsafe try socket?.read(into: buffer.bytes) else { return false }
        switch outcome {
        case .bytes(let count):
            incoming += buffer.prefix(count)
            return true
        case .wouldBlock: isReadable = false
        case .endOfStream:
            isReadable = false
            hasEnded = true
        }
        return false
    }

    private func flush() throws(Errno) {
        while !outgoing.isEmpty, case .bytes(let count)? = try socket?.write(outgoing[...]) {
            outgoing.removeFirst(count)
            progress += count
        }
    }
}

extension NameStream: TimerHandler {
    /// Closes a connection that asks nothing, or does not take its answers.
    func timerFired(_ kind: Int) {
        let isWaitingForUs = underWayCount > 0 && outgoing.isEmpty
        guard isWaitingForUs || progress > 0 else {
            timer = nil
            return close()
        }
        progress = 0
        timer = loop.schedule(after: Limits.queryConnectionDuration, kind: 0, handler: self)
    }
}

@available(*, unavailable) extension NameStream: Sendable {}
