import EventLoop
import HTTP1
import Primitives
import System

/// One connection of a service: a request at a time, each with a time limit.
final class HTTPServiceConnection {
    private enum Phase {
        case reading
        case answering
        /// The last answer is on its way.
        case finishing
        case closed
    }

    private let socket: OwnedDescriptor
    private let service: HTTPService
    private let loop: EventLoop
    private var registration: Registration?
    private var parser = HTTPRequestParser()
    private var phase = Phase.reading
    private var outgoing = ByteQueue()
    private var timer: TimerToken?
    private var isDraining = false
    private var hasPeerEnded = false
    /// Tells an answer from a late one to an earlier request.
    private var requestNumber = 0
    /// `advance` is running, and need not be begun by an answer that comes at once.
    private var isAdvancing = false

    init(_ socket: consuming OwnedDescriptor, service: HTTPService, loop: EventLoop) {
        self.socket = socket
        self.service = service
        self.loop = loop
    }

    func start() {
        registration = try? loop.register(socket, handler: self)
        guard registration != nil else { return close() }
        restart(Limits.http1RequestDuration)
    }

    /// Ends after the request under way, at once when there is none.
    func drain() {
        isDraining = true
        if phase == .reading { close() }
    }

    private func restart(_ span: Duration) {
        if let timer { loop.cancel(timer) }
        timer = loop.schedule(after: span, kind: 0, handler: self)
    }

    private func close() {
        guard phase != .closed else { return }
        phase = .closed
        if let timer { loop.cancel(timer) }
        if let registration { loop.deregister(registration, socket) }
        registration = nil
        TCPSocket.shutdownBoth(of: socket)
        service.connectionClosed(self)
    }
}

extension HTTPServiceConnection: EventHandler, TimerHandler {
    func ready(_ events: ReadyEvents) {
        if events.contains(.writable) { write() }
        if events.contains(.readable) || events.contains(.hangUp) { advance() }
    }

    func timerFired(_ kind: Int) {
        timer = nil
        close()
    }

    /// Serves what has arrived. While an answer is awaited or waits to be taken nothing is read.
    private func advance() {
        guard !isAdvancing else { return }
        isAdvancing = true
        defer { isAdvancing = false }
        while phase == .reading, outgoing.isEmpty {
            do throws(HTTPRefusal) {
                if let request = try parser.next() {
                    serve(request)
                } else if hasPeerEnded {
                    return close()
                } else if !read() {
                    return
                }
            } catch {
                phase = .answering
                send(HTTPResponse(error.status), keepsAlive: false, isHead: false)
            }
        }
    }

    /// False when nothing more is there.
    private func read() -> Bool {
        do throws(Errno) {
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.http1HeadByteCountMax, alignment: 1)
            defer { unsafe room.deallocate() }
            let outcome = try unsafe socket.read(into: room)
            if case .bytes(let count) = outcome {
                unsafe parser.receive(UnsafeRawBufferPointer(rebasing: room[..<count]))
            }
            switch outcome {
            case .bytes: return true
            case .wouldBlock: return false
            case .endOfStream:
                // A peer may send its request and half-close.
                hasPeerEnded = true
                return true
            }
        } catch {
            close()
            return false
        }
    }

    private func serve(_ request: HTTPRequest) {
        phase = .answering
        requestNumber += 1
        if let timer { loop.cancel(timer) }
        timer = nil
        let number = requestNumber
        service.respond(to: request) { [weak self] response in
            guard let self, self.phase == .answering, self.requestNumber == number else { return }
            self.send(response, keepsAlive: request.keepsAlive && !self.isDraining, isHead: request.method == "HEAD")
            self.advance()
        }
    }

    private func send(_ response: HTTPResponse, keepsAlive: Bool, isHead: Bool) {
        let bytes = response.bytes(date: WallClock.now(), keepsAlive: keepsAlive, isHead: isHead)
        unsafe bytes.withUnsafeBytes { unsafe outgoing.append($0) }
        phase = keepsAlive ? .reading : .finishing
        restart(Limits.http1AnswerDuration)
        write()
    }

    private func write() {
        guard !outgoing.isEmpty else { return }
        while !outgoing.isEmpty {
            do throws(Errno) {
                guard case .bytes(let count) = try unsafe socket.write(outgoing.readable) else { return }
                outgoing.consume(count)
            } catch {
                return close()
            }
        }
        if phase == .finishing || isDraining { return close() }
        restart(Limits.http1RequestDuration)
        advance()
    }
}

@available(*, unavailable) extension HTTPServiceConnection: Sendable {}
