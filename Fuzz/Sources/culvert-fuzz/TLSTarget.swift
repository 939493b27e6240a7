import Primitives
import TLS

extension FuzzTarget {
    /// Whatever becomes of the bytes between two ends, each end reads what the other sent or nothing, fails for good,
    /// and knows no peer but the one that proved itself.
    static let tls = FuzzTarget("tls") { bytes in
        var choices = Choices(bytes)
        let mode = choices.byte()
        let client = TLSEnd(
            expectSuccess { try TLSConnection(client: FuzzAuthority.client, expecting: [FuzzAuthority.cart]) })
        let server = TLSEnd(expectSuccess { try TLSConnection(server: FuzzAuthority.server) })
        if mode % 4 == 0 {
            // Not a client at all.
            server.receive(choices.rest())
            check(!server.connection.isEstablished && server.connection.peerIdentity == nil, "nobody is let in")
        } else {
            client.start()
            // The byte stream is damaged in the handshake, or after it.
            let isLate = mode % 4 == 3
            if isLate { TLSEnd.carry(client, server, damage: { $0 }) }
            if isLate, client.connection.isEstablished {
                let message = choices.take(choices.below(64))
                client.send(message)
                server.send(message)
            }
            TLSEnd.carry(client, server, pieceByteCount: mode & 16 == 0 ? .max : 7) { choices.damage($0) }
            client.close()
            server.close()
            TLSEnd.carry(client, server, damage: { $0 })
        }
        for (end, other, expected) in [(server, client, FuzzAuthority.web), (client, server, FuzzAuthority.cart)] {
            check(other.sent.starts(with: end.received), "what is read was sent")
            check(
                end.connection.peerIdentity == nil || end.connection.peerIdentity == expected, "the peer is who it is")
            if end.connection.isEstablished {
                check(end.connection.peerIdentity == expected, "an established peer is known")
            }
        }
    }
}

/// One connection with the queues around it.
private final class TLSEnd {
    let connection: TLSConnection
    private(set) var received: [UInt8] = []
    private(set) var sent: [UInt8] = []
    private var plaintext = ByteQueue()
    private var ciphertext = ByteQueue()
    private var hasFailed = false

    init(_ connection: TLSConnection) { self.connection = connection }

    func start() { hasFailed = (try? connection.start(ciphertext: &ciphertext)) == nil }

    func receive(_ input: [UInt8]) {
        input.withUnsafeBytes { bytes in
            let isFine = (try? connection.receive(bytes, plaintext: &plaintext, ciphertext: &ciphertext)) != nil
            check(!(hasFailed && isFine), "a failure is for good")
            if !isFine { hasFailed = true }
        }
        received += Array(plaintext.readable)
        plaintext.consume(plaintext.count)
    }

    func send(_ data: [UInt8]) {
        guard (data.withUnsafeBytes { try? connection.send($0, ciphertext: &ciphertext) }) != nil else { return }
        sent += data
    }

    func close() { connection.close(ciphertext: &ciphertext) }

    private func output() -> [UInt8] {
        let output = Array(ciphertext.readable)
        ciphertext.consume(output.count)
        return output
    }

    /// Carries bytes to and fro until both are silent, each flight as `damage` leaves it.
    static func carry(
        _ client: TLSEnd, _ server: TLSEnd, pieceByteCount: Int = .max, damage: ([UInt8]) -> [UInt8]
    ) {
        for _ in 0..<16 {
            var isSilent = true
            for (from, to) in [(client, server), (server, client)] {
                let flight = from.output()
                guard !flight.isEmpty else { continue }
                isSilent = false
                var rest = damage(flight)[...]
                while !rest.isEmpty {
                    let piece = Array(rest.prefix(pieceByteCount))
                    rest = rest.dropFirst(piece.count)
                    to.receive(piece)
                }
            }
            if isSilent { return }
        }
    }
}

extension Choices {
    /// The bytes with a few of them changed, lost or added.
    fileprivate mutating func damage(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<below(4) where !bytes.isEmpty {
            let index = below(65536) % bytes.count
            switch below(5) {
            case 0: bytes[index] ^= byte()
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(byte(), at: index)
            case 3: bytes.insert(contentsOf: take(below(32)), at: index)
            default: bytes.removeSubrange(index...)
            }
        }
        return bytes
    }
}
