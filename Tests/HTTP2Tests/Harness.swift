import HTTP2
import Primitives

/// A stream that remembers what happened to it and sends what it is told to.
final class RecordingStream: HTTP2Stream {
    var head: [HTTPField] = []
    var bytes: [UInt8] = []
    var trailers: [HTTPField] = []
    var endCount = 0
    var closeCodes: [HTTP2ErrorCode] = []
    /// Sizes of the pieces asked for.
    var roomCounts: [Int] = []
    var outgoing: [UInt8] = []
    var ends = false
    var outgoingTrailers: [HTTPField]?
    var onHead: (RecordingStream) -> Void = { _ in }
    var onBytes: (RecordingStream, Int) -> Void = { _, _ in }

    override func received(head: [HTTPField], endsStream: Bool) {
        self.head = head
        onHead(self)
    }

    override func received(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes.append(contentsOf: bytes)
        onBytes(self, bytes.count)
    }

    override func received(trailers: [HTTPField]) { self.trailers = trailers }

    override func receivedEnd() { endCount += 1 }

    override func read(into room: UnsafeMutableRawBufferPointer) -> HTTP2ReadResult {
        roomCounts.append(room.count)
        let count = min(room.count, outgoing.count)
        unsafe room.copyBytes(from: outgoing.prefix(count))
        outgoing.removeFirst(count)
        if ends && outgoing.isEmpty { return outgoingTrailers.map { .trailers(count, $0) } ?? .end(count) }
        return count > 0 ? .bytes(count) : .deferred
    }

    override func closed(_ code: HTTP2ErrorCode) { closeCodes.append(code) }
}

/// The owner of one end: keeps what it is told, and what was last sent, which a failure does not take away.
final class RecordingOwner: HTTP2SessionDelegate {
    var chunks: [[UInt8]] = []
    var accepted: [RecordingStream] = []
    var acceptsStreams = true
    var prepare: (RecordingStream) -> Void = { _ in }
    var pongs: [UInt64] = []
    var goAways: [(last: Int32, code: HTTP2ErrorCode)] = []
    var settingsCount = 0

    func acceptStream() -> HTTP2Stream? {
        guard acceptsStreams else { return nil }
        let stream = RecordingStream()
        prepare(stream)
        accepted.append(stream)
        return stream
    }

    func settingsReceived() { settingsCount += 1 }
    func pingAcknowledged(_ payload: UInt64) { pongs.append(payload) }
    func goAwayReceived(lastStream: Int32, code: HTTP2ErrorCode) { goAways.append((lastStream, code)) }
}

/// A session with its owner.
struct End {
    let owner: RecordingOwner
    let session: HTTP2Session

    init(_ role: HTTP2Role, _ settings: HTTP2Settings? = nil) throws {
        owner = RecordingOwner()
        let settings = settings ?? (role == .client ? .tunnelClient : .tunnelServer)
        session = try HTTP2Session(role: role, settings: settings, delegate: owner)
    }

    /// Everything there is to send now.
    func output() throws -> [UInt8] { try chunks().flatMap { $0 } }

    /// The same in chunks, each of which fills at most a record, and at most so many of them.
    func chunks(atMost countMax: Int = .max) throws -> [[UInt8]] {
        owner.chunks = []
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 16384, alignment: 16)
        defer { unsafe block.deallocate() }
        while owner.chunks.count < countMax {
            let count = try unsafe session.produce(into: block)
            guard count > 0 else { break }
            unsafe owner.chunks.append(Array(block[..<count]))
        }
        return owner.chunks
    }

    func receive(
        _ bytes: [UInt8], pieceByteCount: Int = .max, at now: Instant = Instant(nanoseconds: 1)
    ) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieceByteCount))
            rest = rest.dropFirst(piece.count)
            _ = try unsafe piece.withUnsafeBytes { bytes in
                try unsafe session.receive(bytes, at: now)
                return bytes.count
            }
        }
    }
}

/// A client and a server that hear each other.
struct Pair {
    let client: End
    let server: End

    init(client clientSettings: HTTP2Settings? = nil, server serverSettings: HTTP2Settings? = nil) throws {
        client = try End(.client, clientSettings)
        server = try End(.server, serverSettings)
    }

    /// Carries bytes both ways until there are none; pieces are cut to `pieceByteCount`.
    func exchange(pieceByteCount: Int = .max) throws {
        while true {
            let up = try client.output()
            try server.receive(up, pieceByteCount: pieceByteCount)
            let down = try server.output()
            try client.receive(down, pieceByteCount: pieceByteCount)
            if up.isEmpty && down.isEmpty { return }
        }
    }

    /// A CONNECT that the server answers with 200, carried to both ends.
    func connect() throws -> (client: RecordingStream, server: RecordingStream) {
        let stream = RecordingStream()
        server.owner.prepare = { [session = server.session] in
            $0.onHead = { try? session.respond(on: $0, fields: [HTTPField(":status", "200")]) }
        }
        try client.session.open(stream, fields: connectFields)
        try exchange()
        let accepted = server.owner.accepted[server.owner.accepted.count - 1]
        return (stream, accepted)
    }
}

let connectFields = [HTTPField(":method", "CONNECT"), HTTPField(":authority", "10.1.0.7:8080")]

/// Frames as a peer might write them.
enum Frame {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settingsAcknowledgement = frame(4, 1, 0, [])

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        var frame = Array(bigEndian(UInt32(payload.count)).dropFirst())
        frame.append(type)
        frame.append(flags)
        frame.append(contentsOf: bigEndian(stream))
        frame.append(contentsOf: payload)
        return frame
    }

    /// A SETTINGS frame.
    static func settings(_ entries: [(id: UInt8, value: UInt32)]) -> [UInt8] {
        var payload: [UInt8] = []
        for entry in entries {
            payload.append(0)
            payload.append(entry.id)
            payload.append(contentsOf: bigEndian(entry.value))
        }
        return frame(4, 0, 0, payload)
    }

    static func bigEndian(_ value: UInt32) -> [UInt8] {
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe Array($0) }
    }

    /// A HEADERS frame with END_HEADERS, fields as literals without indexing or Huffman coding (RFC 7541 6.2.2).
    static func headers(_ stream: UInt32, _ fields: [(String, String)], endsStream: Bool = false) -> [UInt8] {
        var block: [UInt8] = []
        for (name, value) in fields { block.append(contentsOf: literal(name, value)) }
        return frame(1, endsStream ? 5 : 4, stream, block)
    }

    static func literal(_ name: String, _ value: String) -> [UInt8] {
        var bytes: [UInt8] = [0]
        bytes.append(contentsOf: string(name))
        bytes.append(contentsOf: string(value))
        return bytes
    }

    private static func string(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        let length = text.utf8.count
        bytes.append(UInt8(min(length, 127)))
        if length >= 127 {
            var rest = length - 127
            while rest >= 128 {
                bytes.append(UInt8(rest & 0x7f) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        bytes.append(contentsOf: text.utf8)
        return bytes
    }

    /// The frames of a byte stream that does not begin with the preface.
    static func parse(_ bytes: [UInt8]) -> [(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8])] {
        var rest = bytes[...]
        var frames: [(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8])] = []
        while rest.count >= 9 {
            let header = Array(rest.prefix(9))
            let length = Int(number(header[0..<3]))
            let payload = Array(rest.dropFirst(9).prefix(length))
            frames.append((type: header[3], flags: header[4], stream: number(header[5..<9]), payload: payload))
            rest = rest.dropFirst(9 + length)
        }
        return frames
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        var value: UInt32 = 0
        for byte in bytes { value = value << 8 | UInt32(byte) }
        return value
    }
}
