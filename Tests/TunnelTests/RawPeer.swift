import Glibc
import Primitives
import System
import TLS
import Testing

/// The opening end of a tunnel by hand: TLS over a blocking socket, and whatever bytes a test likes in its records or
/// beside them.
final class RawPeer {
    let tls: TLSConnection
    private let client: Client
    private var outgoing = ByteQueue()
    private var incoming = ByteQueue()
    /// Why TLS has failed on this side.
    private(set) var failure: TLSFailure?
    /// The kernel knows of no connection any more.
    var isReset: Bool { client.isReset }
    /// The other end has ended its side.
    private(set) var hasEnded = false

    init(_ endpoint: Endpoint, _ tls: TLSConnection) throws {
        client = try Client(endpoint)
        self.tls = tls
        try tls.start(ciphertext: &outgoing)
        try flush()
        // Not what finishes the handshake: it goes with the first data.
        while !tls.isEstablished, !hasEnded, failure == nil { try read() }
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
    /// SETTINGS after which no stream has credit until it is given some.
    static let withoutCredit: [UInt8] = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0]
    /// PING with a payload of eight times this byte, and its acknowledgement.
    static func ping(_ payload: UInt8, isAcknowledgement: Bool = false) -> [UInt8] {
        [0, 0, 8, 6, isAcknowledgement ? 1 : 0, 0, 0, 0, 0] + [UInt8](repeating: payload, count: 8)
    }

    /// HEADERS that ask for this destination on a stream.
    static func connect(_ destination: Endpoint, stream: UInt8 = 1) -> [UInt8] {
        let authority = Array(destination.description.utf8)
        // Literal fields: the names are entries of HPACK's static table.
        let block = [0x02, 7] + Array("CONNECT".utf8) + [0x01, UInt8(authority.count)] + authority
        return [0, 0, UInt8(block.count), 1, 4, 0, 0, 0, stream] + block
    }

    /// HEADERS with the status 200 alone.
    static func accepted(stream: UInt8 = 1) -> [UInt8] { [0, 0, 1, 1, 4, 0, 0, 0, stream, 0x88] }

    static func data(_ payload: [UInt8], endsStream: Bool = false, stream: UInt8 = 1) -> [UInt8] {
        let count = payload.count
        return [
            UInt8(count >> 16), UInt8(count >> 8 & 0xff), UInt8(count & 0xff), 0, endsStream ? 1 : 0, 0, 0, 0, stream,
        ]
            + payload
    }

    static func reset(_ code: UInt8, stream: UInt8 = 1) -> [UInt8] { [0, 0, 4, 3, 0, 0, 0, 0, stream, 0, 0, 0, code] }

    /// Sends data, and in front of it what TLS has to say.
    func send(_ data: [UInt8]) throws {
        try unsafe data.withUnsafeBytes { try unsafe tls.send($0, ciphertext: &outgoing) }
        try flush()
    }

    /// Sends bytes that are no record of ours.
    func sendRaw(_ bytes: [UInt8]) throws {
        try flush()
        try client.send(bytes)
    }

    func close() throws {
        tls.close(ciphertext: &outgoing)
        try flush()
    }

    /// Reads until the data holds these bytes, or nothing more comes.
    func receive(until wanted: [UInt8]) throws -> Bool {
        while true {
            let data = unsafe Array(incoming.readable)
            if data.count >= wanted.count,
                (0...data.count - wanted.count).contains(where: { data[$0...].starts(with: wanted) })
            {
                return true
            }
            guard !hasEnded, failure == nil else { return false }
            try read()
        }
    }

    /// Reads until so many bytes of DATA have come, or nothing more comes.
    func receivePayload(_ byteCount: Int) throws -> [UInt8] {
        while true {
            var (payload, rest) = ([UInt8](), unsafe Array(incoming.readable)[...])
            while rest.count >= 9 {
                let count = rest.prefix(3).reduce(0) { $0 << 8 | Int($1) }
                guard rest.count >= 9 + count else { break }
                if rest[rest.startIndex + 3] == 0 { payload += rest.dropFirst(9).prefix(count) }
                rest = rest.dropFirst(9 + count)
            }
            guard payload.count < byteCount, !hasEnded, failure == nil else { return payload }
            try read()
        }
    }

    /// Reads until nothing more comes.
    func receiveAll() throws { while !hasEnded, failure == nil { try read() } }

    private func read() throws {
        let bytes = try client.receive(65_536)
        hasEnded = bytes.isEmpty
        unsafe bytes.withUnsafeBytes { bytes in
            do throws(TLSFailure) {
                try unsafe tls.receive(bytes, plaintext: &incoming, ciphertext: &outgoing)
            } catch {
                failure = error
            }
        }
    }

    private func flush() throws {
        let bytes = unsafe Array(outgoing.readable)
        outgoing.consume(bytes.count)
        try client.send(bytes)
    }
}
