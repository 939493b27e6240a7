import EventLoop
import Glibc
import Primitives
import System

/// A blocking TCP client of the tests, on a thread of its own while the loops turn.
struct Client: ~Copyable {
    let socket: Int32

    init(_ endpoint: Endpoint) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        address.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.low).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let outcome = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(socket, $0, size)
            }
        }
        guard outcome == 0 else { throw Errno.current }
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let limitSize = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, limitSize)
        unsafe setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, limitSize)
    }

    deinit { Glibc.close(socket) }

    /// Sends everything, or throws.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.send(
                    socket, $0.baseAddress.map { unsafe $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Errno.current }
            sent += count
        }
    }

    /// At most so many bytes; empty at the end of the stream.
    func receive(_ limit: Int) throws -> [UInt8] {
        var room = [UInt8](repeating: 0, count: limit)
        let count = unsafe Glibc.recv(socket, &room, limit, 0)
        guard count >= 0 else { throw Errno.current }
        return Array(room[..<count])
    }

    /// Exactly so many bytes, or fewer at the end of the stream.
    func receiveAll(_ wanted: Int) throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < wanted {
            let piece = try receive(min(65536, wanted - all.count))
            if piece.isEmpty { break }
            all += piece
        }
        return all
    }

    /// The connection is gone, rather than only ended by the other side.
    var isReset: Bool {
        // `tcpi_state`, the first of its fields, and TCP_CLOSE.
        var state: UInt8 = 0
        var size = socklen_t(MemoryLayout<UInt8>.size)
        return unsafe getsockopt(socket, Int32(IPPROTO_TCP), TCP_INFO, &state, &size) == 0 && state == 7
    }

    func finish() { Glibc.shutdown(socket, Int32(SHUT_WR)) }

    func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }
}

/// Bounds what the kernel keeps for a socket; a listener passes it on to those that it accepts.
func setBuffer(of socket: Int32, _ option: Int32, _ byteCount: Int32) {
    var byteCount = byteCount
    unsafe setsockopt(socket, SOL_SOCKET, option, &byteCount, socklen_t(MemoryLayout<Int32>.size))
}

/// The next connection to a listener that does not wait for one.
func nextConnection(at listener: Int32) -> Int32 {
    for _ in 0..<500 {
        let accepted = accept(listener, nil, nil)
        if accepted >= 0 { return accepted }
        usleep(10_000)
    }
    return -1
}

/// An application that sends back what it gets and ends when its client does.
final class Echo: EventHandler {
    @safe private final class Conversation: EventHandler {
        let socket: OwnedDescriptor
        let loop: EventLoop
        var registration: Registration?
        private var waiting = ByteQueue()
        private var hasEnded = false
        /// What it has got.
        private(set) var byteCount = 0
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        init(_ socket: consuming OwnedDescriptor, _ loop: EventLoop) {
            self.socket = socket
            self.loop = loop
        }
        deinit { unsafe buffer.deallocate() }

        func ready(_ events: ReadyEvents) {
            do {
                while true {
                    while !waiting.isEmpty {
                        guard case .bytes(let count) = try unsafe socket.write(waiting.readable) else { return }
                        waiting.consume(count)
                    }
                    if hasEnded { return close() }
                    switch try unsafe socket.read(into: buffer) {
                    case .bytes(let count):
                        byteCount += count
                        unsafe waiting.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    case .wouldBlock: return
                    case .endOfStream: hasEnded = true
                    }
                }
            } catch {
                close()
            }
        }

        private func close() {
            TCPSocket.shutdownWrite(of: socket)
            if let registration { loop.deregister(registration, socket) }
            registration = nil
        }
    }

    let listener: OwnedDescriptor
    private let loop: EventLoop

    init(loop: EventLoop) throws {
        self.loop = loop
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        _ = try loop.register(listener, for: .listener, handler: self)
    }

    var endpoint: Endpoint? { TCPSocket.localEndpoint(of: listener) }

    func ready(_ events: ReadyEvents) {
        while let accepted = try? TCPSocket.accept(listener) {
            let conversation = Conversation(accepted.take(), loop)
            conversation.registration = try? loop.register(conversation.socket, handler: conversation)
        }
    }
}
