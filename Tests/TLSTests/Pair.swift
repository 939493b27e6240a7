import Identity
import Primitives
import TLS

/// One connection with the queues around it.
final class End {
    let connection: TLSConnection
    private(set) var failure: TLSFailure?
    private(set) var received: [UInt8] = []
    private var plaintext = ByteQueue()
    private var ciphertext = ByteQueue()

    init(_ connection: TLSConnection) { self.connection = connection }

    func start() {
        do throws(TLSFailure) { try connection.start(ciphertext: &ciphertext) } catch { failure = error }
    }

    func receive(_ input: [UInt8]) {
        guard failure == nil else { return }
        unsafe input.withUnsafeBytes { bytes in
            do throws(TLSFailure) {
                try unsafe connection.receive(bytes, plaintext: &plaintext, ciphertext: &ciphertext)
            } catch {
                failure = error
            }
        }
        received += bytes(of: plaintext)
        plaintext.consume(plaintext.count)
    }

    func send(_ data: [UInt8]) {
        unsafe data.withUnsafeBytes { bytes in
            do throws(TLSFailure) {
                try unsafe connection.send(bytes, ciphertext: &ciphertext)
            } catch {
                failure = error
            }
        }
    }

    func close() { connection.close(ciphertext: &ciphertext) }

    /// Takes what is to be sent to the other side.
    func output() -> [UInt8] {
        let output = bytes(of: ciphertext)
        ciphertext.consume(output.count)
        return output
    }
}

/// A client and a server that speak through memory.
final class Pair {
    let client: End
    let server: End

    init(client: TLSConnection, server: TLSConnection) {
        self.client = End(client)
        self.server = End(server)
    }

    convenience init(
        client: TLSCredentials, server: TLSCredentials, expecting: [SPIFFEID] = [Mesh.cart],
        options: TLSOptions = TLSOptions()
    ) throws {
        self.init(
            client: try TLSConnection(client: .workloadClient(client, options: options), expecting: expecting),
            server: try TLSConnection(server: .workloadServer(server, options: options)))
    }

    /// Starts the handshake and carries bytes to and fro until both are silent.
    @discardableResult func connect(pieceByteCount: Int = .max) -> Pair {
        client.start()
        carry(pieceByteCount: pieceByteCount)
        return self
    }

    func carry(pieceByteCount: Int = .max) {
        while true {
            let toServer = client.output()
            for piece in pieces(of: toServer, pieceByteCount) { server.receive(piece) }
            let toClient = server.output()
            for piece in pieces(of: toClient, pieceByteCount) { client.receive(piece) }
            if toServer.isEmpty, toClient.isEmpty { return }
        }
    }

    private func pieces(of bytes: [UInt8], _ size: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: min(size, max(bytes.count, 1))).map {
            Array(bytes[$0..<min($0 + min(size, bytes.count), bytes.count)])
        }
    }
}
