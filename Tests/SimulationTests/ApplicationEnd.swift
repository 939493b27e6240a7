import Primitives
import System

/// One application's end of a conversation: it sends what its key says and judges every byte that comes.
final class ApplicationEnd {
    enum Ending: Equatable {
        case open
        /// Both sides have said that they have sent all.
        case clean
        case reset
    }

    let key: Int
    unowned let conversation: Conversation
    private var socket: OwnedDescriptor?
    /// Bytes it means to send, the head included.
    let total: Int
    private(set) var sent = 0
    private(set) var received = 0
    /// It has sent its last byte and said so.
    private(set) var hasFinished = false
    private(set) var hasHeardEnd = false
    private(set) var ending = Ending.open
    /// It neither reads nor writes, or reads nothing.
    var (isStalled, isDeaf) = (false, false)
    private var head: [UInt8] = []
    /// Who sends what comes.
    private(set) var sender: ApplicationEnd?

    init(key: Int, _ conversation: Conversation, _ socket: consuming OwnedDescriptor, total: Int) {
        self.key = key
        self.conversation = conversation
        self.socket = consume socket
        self.total = max(total, Pattern.headByteCount)
    }

    var isOver: Bool { socket == nil }

    /// Gives up with a reset.
    func quit() {
        if let socket = socket.take() { TCPSocket.resetOnClose(socket) }
        ending = .reset
    }

    /// Says that it sends no more, though it had meant to.
    func finishEarly() {
        guard !isOver, sent >= Pattern.headByteCount else { return }
        finish()
    }

    /// Sends and receives at most a piece.
    /// - Returns: whether anything moved.
    func move(_ chance: inout Chance, _ room: UnsafeMutableRawBufferPointer) throws -> Bool {
        guard !isStalled, !isOver else { return false }
        let limit = chance.one(of: 4000, 4000, 300, 1)
        do {
            let hasSent = try send(limit)
            let hasReceived = try unsafe receive(UnsafeMutableRawBufferPointer(rebasing: room.prefix(limit)))
            if hasFinished, hasHeardEnd, !isOver {
                socket = nil
                ending = .clean
            }
            return hasSent || hasReceived
        } catch is Errno {
            socket = nil
            ending = .reset
            return true
        }
    }

    private func send(_ limit: Int) throws -> Bool {
        guard !hasFinished else { return false }
        if sent >= total {
            finish()
            return true
        }
        let piece = Pattern.piece(key, at: sent, count: min(limit, total - sent))
        guard case .bytes(let count)? = try socket?.write(piece) else { return false }
        sent += count
        return true
    }

    private func finish() {
        guard !hasFinished else { return }
        socket?.shutdownWrite()
        hasFinished = true
    }

    private func receive(_ room: UnsafeMutableRawBufferPointer) throws -> Bool {
        guard !isDeaf, !hasHeardEnd, let outcome = try unsafe socket?.read(into: room) else { return false }
        switch outcome {
        case .wouldBlock: return false
        case .bytes(let count):
            try unsafe judge(UnsafeRawBufferPointer(rebasing: room.prefix(count)))
            return true
        case .endOfStream:
            hasHeardEnd = true
            guard let sender, sender.hasFinished, sender.sent == received else {
                throw Violation("\(self): a clean end after \(received) bytes from \(sender?.description ?? "nobody")")
            }
            return true
        }
    }

    private func judge(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = unsafe bytes[...]
        while let sender = unsafe sender ?? readHead(&rest) {
            if self.sender == nil {
                self.sender = sender
                try conversation.judge(sender: sender, receiver: self)
            }
            guard unsafe !rest.isEmpty else { return }
            let expected = Pattern.piece(sender.key, at: received, count: unsafe rest.count)
            guard unsafe rest.prefix(expected.count).elementsEqual(expected) else {
                throw Violation("\(self): wrong bytes after \(received) from \(sender)")
            }
            received += expected.count
            guard received <= sender.sent else { throw Violation("\(self): more bytes than \(sender) has sent") }
            unsafe rest = rest.dropFirst(expected.count)
        }
    }

    private func readHead(_ rest: inout Slice<UnsafeRawBufferPointer>) -> ApplicationEnd? {
        let missing = Pattern.headByteCount - head.count
        unsafe head += rest.prefix(missing)
        unsafe rest = rest.dropFirst(missing)
        guard head.count == Pattern.headByteCount else { return nil }
        received = Pattern.headByteCount
        return conversation.simulation.ends[Pattern.key(of: head)] ?? self
    }
}

extension ApplicationEnd: CustomStringConvertible {
    var description: String {
        """
        end \(key) of \(conversation) (sent \(sent) of \(total)\(hasFinished ? ", finished" : ""), \
        received \(received), \(ending))
        """
    }
}

extension OwnedDescriptor {
    func shutdownWrite() { TCPSocket.shutdownWrite(of: self) }
}
