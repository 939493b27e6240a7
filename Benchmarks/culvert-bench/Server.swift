import EventLoop
import Primitives
import System

/// The application behind the proxies. The first byte of a connection says what it does.
enum Service: UInt8 {
    /// Sends back whatever comes.
    case echo = 0x45
    /// Counts what comes and answers with the sum at the end.
    case count = 0x43
    /// Sends as many bytes as the next 64 bits say (in host order), and ends.
    case produce = 0x50
    /// Answers each byte with the port that was reached (two bytes, in network order).
    case port = 0x4c
}

final class Server: StreamOwner {
    private let loop: EventLoop
    private var listener: Listener?
    private var streams: [ObjectIdentifier: Stream] = [:]
    private let filler = [UInt8](repeating: 0x5a, count: 256 * 1024)

    init(on endpoint: Endpoint, loop: EventLoop) throws(Errno) {
        self.loop = loop
        listener = try Listener(endpoint, loop: loop) { [unowned self] descriptor in
            guard let stream = try? Stream(descriptor, on: loop, owner: self) else { return }
            self.streams[ObjectIdentifier(stream)] = stream
        }
    }

    var endpoint: Endpoint? { listener?.endpoint }

    func opened(_ stream: Stream) {}

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        if stream.service == nil { unsafe stream.service = bytes.first.flatMap { Service(rawValue: $0) } }
        switch stream.service {
        case .echo: unsafe stream.send(bytes)
        case .count: stream.state += bytes.count
        case .produce:
            guard bytes.count == 9 else { return drop(stream) }
            stream.state = unsafe Int(bytes.loadUnaligned(fromByteOffset: 1, as: UInt64.self))
            drained(stream)
        case .port:
            guard let port = endpoint?.port else { return drop(stream) }
            unsafe withUnsafeBytes(of: port.bigEndian) { unsafe stream.send($0) }
        case nil: drop(stream)
        }
    }

    func drained(_ stream: Stream) {
        guard stream.service == .produce, stream.state > 0 else { return }
        stream.state -= stream.fill(upTo: stream.state, from: filler)
        if stream.state == 0 { stream.finish() }
    }

    func ended(_ stream: Stream, failure: Errno?) {
        if failure == nil && stream.service == .count {
            let count = UInt64(stream.state)
            unsafe withUnsafeBytes(of: count) { unsafe stream.send($0) }
        }
        drop(stream)
    }

    private func drop(_ stream: Stream) {
        stream.close()
        streams[ObjectIdentifier(stream)] = nil
    }
}

/// Accepts connections.
final class Listener: EventHandler {
    private let descriptor: OwnedDescriptor
    private let accept: (consuming OwnedDescriptor) -> Void

    init(_ endpoint: Endpoint, loop: EventLoop, accept: @escaping (consuming OwnedDescriptor) -> Void) throws(Errno) {
        var options = TCPSocket.ListenOptions()
        options.reuseAddress = true
        options.backlog = 4096
        descriptor = try TCPSocket.listen(on: endpoint, options: options)
        self.accept = accept
        _ = try loop.register(descriptor, for: .listener, handler: self)
    }

    /// Where it listens.
    var endpoint: Endpoint? { TCPSocket.localEndpoint(of: descriptor) }

    func ready(_ events: ReadyEvents) {
        do throws(Errno) {
            while let accepted = try TCPSocket.accept(descriptor) {
                accept(accepted.take())
            }
        } catch {
            // The next connection brings the next event.
        }
    }
}
