import HTTP2
import Primitives

extension FuzzTarget {
    /// A server takes whatever a client says: what was opened is closed once, and pieces make no difference.
    static let http2Server = FuzzTarget("http2-server") { HTTP2Fuzzing.run(.server, $0) }

    /// A client takes whatever a server says.
    static let http2Client = FuzzTarget("http2-client") { HTTP2Fuzzing.run(.client, $0) }
}

private enum HTTP2Fuzzing {
    /// The first byte says whether the rest is bytes as they are, or choices of which legal frames are made.
    static func run(_ role: HTTP2Role, _ bytes: [UInt8]) {
        var choices = Choices(bytes)
        let mode = choices.byte()
        var input = role == .server ? Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) : []
        input += HTTP2Frames.frame(4, 0, 0, [])
        if mode & 1 == 0 {
            input += choices.rest()
        } else {
            while !choices.isExhausted, input.count < 1 << 18 { input += choices.frame(role) }
        }
        let whole = HTTP2Endpoint(role, behaviour: mode >> 1)
        whole.take(input, pieceByteCount: input.count)
        whole.end()
        let pieces = HTTP2Endpoint(role, behaviour: mode >> 1)
        pieces.take(input, pieceByteCount: input.count > 4096 ? 97 : 1)
        pieces.end()
        // As a tunnel takes them whose turn has no time for more; reads end within frames.
        let turns = HTTP2Endpoint(role, behaviour: mode >> 1)
        turns.take(input, pieceByteCount: input.count / 3, frameCountMax: 1 + bytes.count % 5)
        turns.end()
        // When an answer is written between two pieces, limits that count what waits are not met at the same byte. What
        // comes after the end of a connection is not looked at where the end was noticed.
        guard mode & 2 == 0 else { return }
        for parts in [pieces, turns] where !parts.hasFinished {
            check(whole.failed == parts.failed, "parts make no difference: \(whole), \(parts)")
            // What comes in one read with an abuse is not begun.
            let isSame = whole.failed ? whole.headCount <= parts.headCount : whole.told == parts.told
            check(isSame, "parts make no difference: \(whole), \(parts)")
        }
    }
}

/// What happened to a stream, by the place at which it came.
private enum Told: Equatable {
    case head(Int)
    case bytes(Int, [UInt8])
    case trailers(Int)
    case end(Int)
    case closed(Int, HTTP2ErrorCode)
}

/// A session with streams that do what a few bits say.
private final class HTTP2Endpoint: HTTP2SessionDelegate, CustomStringConvertible {
    private let behaviour: UInt8
    private var session: HTTP2Session?
    private var streams: [FuzzedStream] = []
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: Limits.tlsRecordByteCount, alignment: 16)
    private(set) var failed = false
    private(set) var hasFinished = false
    private(set) var headCount = 0
    /// What the streams were told.
    private(set) var told: [Told] = []
    private var failure = ""

    /// What is the same however the bytes arrive.
    var description: String { "\(headCount) heads, \(failed ? "failed: \(failure)" : "in order")" }

    init(_ role: HTTP2Role, behaviour: UInt8) {
        self.behaviour = behaviour
        session = expectSuccess {
            try HTTP2Session(
                role: role, settings: role == .server ? .tunnelServer : .tunnelClient, delegate: self)
        }
        guard role == .client else { return }
        produce()
        for _ in 0..<3 {
            let stream = FuzzedStream(self, behaviour, place: streams.count)
            let fields = [HTTPField(":method", "CONNECT"), HTTPField(":authority", "10.1.0.7:8080")]
            if (try? session?.open(stream, fields: fields)) != nil { streams.append(stream) }
        }
        produce()
    }

    deinit { scratch.deallocate() }

    func take(_ input: [UInt8], pieceByteCount: Int, frameCountMax: Int = .max) {
        var (rest, untaken) = (input[...], [][...] as ArraySlice<UInt8>)
        while !rest.isEmpty || !untaken.isEmpty, !failed, let session, !session.isFinished {
            if untaken.isEmpty {
                untaken = rest.prefix(max(1, pieceByteCount))
                rest = rest.dropFirst(untaken.count)
            }
            do {
                let before = session.frameCount
                let count = try untaken.withUnsafeBytes {
                    try session.receive($0, at: Instant(nanoseconds: 1), frameCountMax: frameCountMax)
                }
                let isWhole = count == untaken.count
                check(session.frameCount - before <= frameCountMax, "no more frames than were asked for")
                check(isWhole || session.frameCount - before == frameCountMax, "the frames that were asked for")
                untaken = untaken.dropFirst(count)
                check(session.openStreamCount <= 200 + 3, "open streams are bounded")
            } catch {
                check((error as? HTTP2ConnectionFailure)?.kind != .misuse, "\(error)")
                failed = true
                failure = "\(error)"
            }
            if behaviour & 1 != 0 || (rest.isEmpty && untaken.isEmpty) { produce() }
        }
        hasFinished = session?.isFinished ?? true
    }

    /// The connection goes: every stream is told, once.
    func end() {
        session?.abandon(.cancel)
        check(session?.openStreamCount == 0, "an abandoned session holds no stream")
        check(streams.allSatisfy { $0.closedCount == 1 }, "a stream is told once that it is closed")
        session = nil
    }

    func produce() {
        var rounds = 0
        while let session, session.wantsWrite, !failed {
            do throws(HTTP2ConnectionFailure) {
                let count = try session.produce(into: scratch)
                check(count >= 0 && count <= scratch.count, "at most one block")
            } catch {
                check(error.kind != .misuse, "\(error)")
                failed = true
                failure = "\(error)"
            }
            rounds += 1
            check(rounds < 10_000, "output comes to an end")
            // A session that only waits for credit wants to write and cannot.
            if rounds > 64 { return }
        }
    }

    func tell(_ event: Told) {
        if case .bytes(let stream, let more) = event, case .bytes(stream, let bytes) = told.last {
            told[told.count - 1] = .bytes(stream, bytes + more)
        } else {
            told.append(event)
        }
    }

    func headReceived(by stream: FuzzedStream) {
        headCount += 1
        guard let session, session.role == .server else { return }
        switch behaviour >> 1 & 3 {
        case 0: try? session.respond(on: stream, fields: [HTTPField(":status", "200")])
        case 1: try? session.refuse(stream, fields: [HTTPField(":status", "503")])
        case 2: session.reset(stream, .refusedStream)
        default: break
        }
    }

    func bytesReceived(_ count: Int, by stream: FuzzedStream) {
        if behaviour & 8 != 0 { session?.consume(count, of: stream) }
    }

    func acceptStream() -> HTTP2Stream? {
        if behaviour & 16 != 0, streams.count % 5 == 4 { return nil }
        let stream = FuzzedStream(self, behaviour, place: streams.count)
        streams.append(stream)
        return stream
    }

    func goAwayReceived(lastStream: Int32, code: HTTP2ErrorCode) {
        if behaviour & 32 != 0 { session?.abandon(.noError) }
    }
}

private final class FuzzedStream: HTTP2Stream {
    private unowned let endpoint: HTTP2Endpoint
    private let behaviour: UInt8
    private let place: Int
    private var remaining = 3
    private(set) var closedCount = 0
    private var endCount = 0

    init(_ endpoint: HTTP2Endpoint, _ behaviour: UInt8, place: Int) {
        self.endpoint = endpoint
        self.behaviour = behaviour
        self.place = place
    }

    override func received(head: [HTTPField], endsStream: Bool) {
        check(closedCount == 0, "nothing after the end")
        let size = head.reduce(0) { $0 + $1.name.utf8.count + $1.bytes.count + 32 }
        check(size <= 64 << 10, "lists of fields are bounded")
        endpoint.tell(.head(place))
        endpoint.headReceived(by: self)
    }

    override func received(_ bytes: UnsafeRawBufferPointer) {
        check(closedCount == 0 && endCount == 0 && bytes.count > 0, "no bytes after the end")
        endpoint.tell(.bytes(place, Array(bytes)))
        endpoint.bytesReceived(bytes.count, by: self)
    }

    override func received(trailers: [HTTPField]) {
        check(closedCount == 0, "nothing after the end")
        endpoint.tell(.trailers(place))
    }

    override func receivedEnd() {
        check(closedCount == 0, "nothing after the end")
        endCount += 1
        check(endCount == 1, "one end")
        endpoint.tell(.end(place))
    }

    override func read(into room: UnsafeMutableRawBufferPointer) -> HTTP2ReadResult {
        check(closedCount == 0, "nothing after the end")
        guard remaining > 0 else {
            return behaviour & 64 != 0 ? .trailers(0, [HTTPField("grpc-status", "0")]) : .end(0)
        }
        remaining -= 1
        if remaining == 1, behaviour & 32 != 0 { return .reset(.cancel) }
        let count = min(room.count, 700)
        room.baseAddress.map { $0.initializeMemory(as: UInt8.self, repeating: 0x61, count: count) }
        return count > 0 ? .bytes(count) : .deferred
    }

    override func closed(_ code: HTTP2ErrorCode) {
        closedCount += 1
        endpoint.tell(.closed(place, code))
    }
}
