import EventLoop
import Primitives
import System

/// The application behind the proxies. On `port` it echoes; on the next port it counts what comes and answers with the count
/// at the end; on the one after it sends as many bytes as it is asked for (a 64-bit number in host order) and ends.
final class Server: StreamOwner {
    private enum Service: Int, CaseIterable { case echo, count, produce }

    private let loop: EventLoop
    private var listeners: [Listener] = []
    private var streams: [ObjectIdentifier: Stream] = [:]
    private let filler = [UInt8](repeating: 0x5a, count: 256 * 1024)

    init(on endpoint: Endpoint, loop: EventLoop) throws(Errno) {
        self.loop = loop
        for service in Service.allCases {
            let port = endpoint.port + UInt16(service.rawValue)
            let listener = try Listener(Endpoint(endpoint.address, port: port), loop: loop) { [unowned self] descriptor in
                if let stream = try? Stream(descriptor, on: loop, owner: self, number: service.rawValue) {
                    self.streams[ObjectIdentifier(stream)] = stream
                }
            }
            listeners.append(listener)
        }
    }

    func opened(_ stream: Stream) {}

    func received(_ bytes: UnsafeRawBufferPointer, on stream: Stream) {
        switch Service(rawValue: stream.number) {
        case .echo: unsafe stream.send(bytes)
        case .count: stream.state += bytes.count
        case .produce:
            guard bytes.count == 8 else { return drop(stream) }
            stream.state = unsafe Int(bytes.loadUnaligned(as: UInt64.self))
            drained(stream)
        case nil: drop(stream)
        }
    }

    func drained(_ stream: Stream) {
        guard Service(rawValue: stream.number) == .produce, stream.state > 0 else { return }
        while stream.state > 0 {
            let taken = unsafe filler.withUnsafeBytes { filler in
                unsafe stream.offer(UnsafeRawBufferPointer(rebasing: filler[..<min(stream.state, filler.count)]))
            }
            guard taken > 0 else { return }
            stream.state -= taken
        }
        stream.finish()
    }

    func ended(_ stream: Stream, failure: Errno?) {
        if failure == nil && Service(rawValue: stream.number) == .count {
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

    func ready(_ events: ReadyEvents) {
        do throws(Errno) {
            while let accepted = try TCPSocket.accept(descriptor) {
                let socket = accepted.take()
                try TCPSocket.setNoDelay(socket)
                accept(socket)
            }
        } catch {
            // The next connection brings the next event.
        }
    }
}
