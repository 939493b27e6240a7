import EventLoop
import Primitives
import System

/// One node proxy's connection: packets in and out, and the time that it has for its next packet.
final class ZDSConnection: EventHandler {
    private let proxy: EnrolmentLedger.ProxyID
    private weak var server: ZDSServer?
    private let loop: EventLoop
    private let descriptor: OwnedDescriptor
    private var registration: Registration?
    private var deadline: TimerToken?

    init(
        proxy: EnrolmentLedger.ProxyID, server: ZDSServer, loop: EventLoop, descriptor: consuming OwnedDescriptor
    ) {
        self.proxy = proxy
        self.server = server
        self.loop = loop
        self.descriptor = descriptor
    }

    /// Waits for the hello.
    func start() throws(Errno) {
        registration = try loop.register(descriptor, for: .readable, handler: self)
        expectPacket()
    }

    /// Sends a request, which has to be answered in time.
    func send(_ bytes: [UInt8], namespace: NetworkNamespace?) {
        do {
            let sent =
                if let namespace {
                    try SequencedPacketSocket.send(bytes, namespace: namespace, on: descriptor)
                } else {
                    try SequencedPacketSocket.send(bytes, on: descriptor)
                }
            // One request at a time always fits, so a full socket means that nobody reads: the deadline will tell.
            _ = sent
            expectPacket()
        } catch {
            // The owner is in the middle of its effects; it hears of this in the next turn.
            loop.after(.zero) { [weak self] in self?.end(error.description) }
        }
    }

    func ready(_ events: ReadyEvents) {
        while registration != nil {
            do {
                switch try SequencedPacketSocket.receive(
                    from: descriptor, capacity: Limits.enrolmentPacketByteCountMax)
                {
                case .packet(let packet):
                    if let deadline { loop.cancel(deadline) }
                    deadline = nil
                    if packet.isTruncated {
                        server?.failed(proxy, .tooLong)
                    } else {
                        server?.received(packet.bytes, from: proxy)
                    }
                case .endOfStream: return end("connection closed by the node proxy")
                case .wouldBlock: return
                }
            } catch {
                return end(error.description)
            }
        }
    }

    /// Ends the connection; nothing is reported after this.
    func close() {
        if let deadline { loop.cancel(deadline) }
        if let registration { loop.deregister(registration, descriptor) }
        deadline = nil
        registration = nil
    }

    private func end(_ reason: String) {
        guard registration != nil else { return }
        server?.ended(proxy, reason: reason)
    }

    private func expectPacket() {
        deadline = loop.after(Limits.enrolmentAnswerTimeMax) { [weak self] in
            guard let self else { return }
            deadline = nil
            server?.failed(proxy, .silent)
        }
    }
}
