import EventLoop
import Glibc
import Primitives
import System
import TLS

/// The peer of a connection of ours: a TLS client on the other end of a socket pair, driven between turns of the loop.
final class FuzzedPeer {
    private let descriptor: CInt
    private let connection = expectSuccess {
        try TLSConnection(client: FuzzAuthority.client, expecting: [FuzzAuthority.cart])
    }
    private var plaintext = ByteQueue()
    private var ciphertext = ByteQueue()
    private var hasFailed = false
    private(set) var receivedByteCount = 0

    private init(_ descriptor: CInt) {
        self.descriptor = descriptor
        try? connection.start(ciphertext: &ciphertext)
    }

    deinit { close(descriptor) }

    /// Two ends of one stream that do not block.
    static func sockets() -> (CInt, CInt) {
        var pair: [CInt] = [0, 0]
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { fatalError("the target cannot make sockets") }
        return (pair[0], pair[1])
    }

    /// The peer, and the socket for our side.
    static func make() -> (peer: FuzzedPeer, socket: CInt) {
        let (ours, theirs) = sockets()
        return (FuzzedPeer(theirs), ours)
    }

    func send(_ bytes: [UInt8]) {
        guard connection.isEstablished, !hasFailed else { return }
        hasFailed = (bytes.withUnsafeBytes { try? connection.send($0, ciphertext: &ciphertext) }) == nil
    }

    /// Bytes that are no record of the connection.
    func sendRaw(_ bytes: [UInt8]) { bytes.withUnsafeBytes { ciphertext.append($0) } }

    /// Turns the loop and moves what there is, until nothing moves.
    func run(_ loop: EventLoop, turns: Int) {
        for _ in 0..<turns {
            let moved = move()
            loop.turn(waitingAtMost: .zero)
            if !moved, !move() { return }
        }
    }

    func finish() { shutdown(descriptor, CInt(SHUT_WR)) }

    private func move() -> Bool {
        var moved = false
        if !ciphertext.isEmpty {
            let count = Glibc.send(
                descriptor, ciphertext.readable.baseAddress, ciphertext.count, CInt(MSG_NOSIGNAL))
            if count > 0 {
                ciphertext.consume(count)
                moved = true
            }
        }
        withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { room in
            let count = recv(descriptor, room.baseAddress, room.count, 0)
            guard count > 0 else { return }
            moved = true
            let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<count])
            guard !hasFailed else { return }
            hasFailed = (try? connection.receive(bytes, plaintext: &plaintext, ciphertext: &ciphertext)) == nil
        }
        receivedByteCount += plaintext.count
        plaintext.consume(plaintext.count)
        return moved
    }

    /// The number that the next descriptor will have: the same as before when none was left open.
    static var nextDescriptor: CInt {
        let descriptor = dup(2)
        close(descriptor)
        return descriptor
    }
}
