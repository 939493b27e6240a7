import HTTP2
import Primitives
import Testing

/// What a peer may do now and then and not again and again, to a server that has answered a request on stream 1.
struct AbuseTests {
    /// What it is, bytes that do it once, and how often it may be done.
    private static let abuses: [(HTTP2Abuse, @Sendable (UInt32) -> [UInt8], Int)] = [
        (.pings, { _ in Frame.frame(6, 0, 0, [UInt8](repeating: 7, count: 8)) }, 2_000),
        // One came with the preface.
        (.settings, { _ in Frame.settings([(4, 65_535)]) }, 198),
        (.priorities, { _ in Frame.frame(2, 0, 1, [0, 0, 0, 0, 9]) }, 2_000),
        (.windowUpdates, { _ in Frame.frame(8, 0, 1, Frame.bigEndian(1)) }, 20_000),
        (.emptyData, { _ in Frame.frame(0, 0, 1, []) }, 5_000),
        (.smallData, { _ in Frame.frame(0, 0, 1, [UInt8]("small ones".utf8.prefix(8))) }, 200_000),
        (.otherFrames, { _ in Frame.frame(0xbe, 0, 0, [1]) }, 2_000),
        (.withdrawnRequests, { request($0) + Frame.frame(3, 0, $0, Frame.bigEndian(8)) }, 2_500),
        (.strayResets, { _ in Frame.frame(3, 0, 3, Frame.bigEndian(8)) }, 20_000),
        // A pseudo-header field that there is not.
        (.invalidFrames, { Frame.headers($0, [(":culvert", "x")]) }, 200),
        (
            .oversizedFieldLists, { Frame.headers($0, [(":method", "CONNECT"), (":authority", "a:1"), long, long]) },
            20
        ),
    ]

    /// So many fields more than a request has.
    private static func extra(_ count: Int) -> [(String, String)] {
        (0..<(count + Limits.http2FreeFieldCount - 2)).map { ("f\($0)", "") }
    }

    private static let long = ("x", String(repeating: "y", count: 40_000))

    private static func request(_ stream: UInt32) -> [UInt8] {
        Frame.headers(stream, [(":method", "CONNECT"), (":authority", "10.1.0.7:8080")])
    }

    /// A server with an answered stream 1 and a closed stream 3, which gives credit as fast as bytes come.
    private func makeServer() throws -> End {
        let end = try End(.server)
        end.owner.prepare = { stream in
            stream.onHead = {
                if $0.id <= 3 { try? end.session.respond(on: $0, fields: [HTTPField(":status", "200")]) }
            }
            stream.onBytes = { end.session.consume($1, of: $0) }
        }
        try end.receive(Frame.preface + Frame.settings([]) + Frame.settingsAcknowledgement)
        try end.receive(Self.request(1) + Self.request(3))
        _ = try end.output()
        try end.receive(Frame.frame(3, 0, 3, Frame.bigEndian(8)))
        return end
    }

    @Test(arguments: abuses.indices)
    func `a peer may do it so often, and no more`(_ index: Int) throws {
        let (abuse, frames, count) = Self.abuses[index]
        let end = try makeServer()
        let isStray = abuse == .strayResets
        for number in 0..<(isStray ? count - 1 : count) {
            try end.receive(frames(5 + 2 * UInt32(number)))
            if number % 16 == 0 { _ = try end.output() }
        }
        #expect(end.session.abuse == nil)
        #expect(end.owner.accepted.first?.closeCodes == [])
        #expect(throws: HTTP2ConnectionFailure(.abused(abuse), reason: abuse.description)) {
            for number in 0..<2 { try end.receive(frames(5 + 2 * UInt32(count + number))) }
        }
        #expect(end.session.count(abuse) > count)
        // Whoever only writes learns the same.
        #expect(throws: HTTP2ConnectionFailure(.abused(abuse), reason: abuse.description)) { _ = try end.output() }
        let last = Frame.parse(end.owner.chunks.flatMap { $0 }).last { $0.type == 7 }
        #expect(last?.payload.dropFirst(4).prefix(4).elementsEqual(Frame.bigEndian(0xb)) ?? false)
        #expect(last.map { String(decoding: $0.payload.dropFirst(8), as: UTF8.self) } == abuse.description)
    }

    @Test func `lists of very many fields end the connection`() throws {
        let end = try makeServer()
        let fields = [(":method", "CONNECT"), (":authority", "10.1.0.7:8080")] + Self.extra(1000)
        for number in 0..<3 { try end.receive(Frame.headers(5 + 2 * UInt32(number), fields)) }
        #expect(end.session.abuse == nil)
        #expect(throws: HTTP2ConnectionFailure(.abused(.fields), reason: HTTP2Abuse.fields.description)) {
            try end.receive(Frame.headers(11, fields))
        }
    }

    @Test func `what is left of a list behind an invalid field is charged for as well`() throws {
        let end = try makeServer()
        let fields = [(":culvert", "x")] + [(String, String)](repeating: ("", ""), count: 1000)
        #expect(throws: HTTP2ConnectionFailure(.abused(.fields), reason: HTTP2Abuse.fields.description)) {
            for number in 0..<20 { try end.receive(Frame.headers(5 + 2 * UInt32(number), fields)) }
        }
        #expect((2..<20).contains(end.session.count(.invalidFrames)))
    }

    @Test func `lists of many bytes end the connection, however few theirs are on the wire`() throws {
        let end = try makeServer()
        let fields = [
            (":method", "CONNECT"), (":authority", "10.1.0.7:8080"), ("x", String(repeating: "y", count: 56_000)),
        ]
        for number in 0..<105 { try end.receive(Frame.headers(5 + 2 * UInt32(number), fields)) }
        #expect(end.session.abuse == nil)
        #expect(throws: HTTP2ConnectionFailure(.abused(.fields), reason: HTTP2Abuse.fields.description)) {
            try end.receive(Frame.headers(215, fields))
        }
    }

    @Test func `what was done long ago is forgiven`() throws {
        let end = try makeServer()
        let ping = Frame.frame(6, 0, 0, [UInt8](repeating: 7, count: 8))
        for second in 1...20 {
            let now = Instant(nanoseconds: UInt64(second) * 1_000_000_000)
            for _ in 0..<1_000 { try end.receive(ping, at: now) }
            _ = try end.output()
        }
        #expect(end.session.abuse == nil)
    }

    @Test func `credit for what was sent is no abuse`() throws {
        let pair = try Pair()
        let (_, server) = try pair.connect()
        for _ in 0..<20_000 {
            server.outgoing = [UInt8](repeating: 1, count: 16)
            pair.server.session.resume(server)
            _ = try pair.server.output()
            let credit = Frame.frame(8, 0, 1, Frame.bigEndian(16)) + Frame.frame(8, 0, 0, Frame.bigEndian(16))
            try pair.server.receive(credit)
        }
        #expect(pair.server.session.abuse == nil)
    }

    @Test func `a block of many pieces, or of too many bytes, ends the connection`() throws {
        for (frame, abuse) in [
            (Frame.frame(9, 0, 5, []), HTTP2Abuse.continuations),
            (Frame.frame(9, 0, 5, [UInt8](repeating: 0, count: 16_000)), .largeBlocks),
        ] {
            let end = try makeServer()
            try end.receive(Frame.frame(1, 0, 5, Frame.literal(":method", "CONNECT")))
            #expect(throws: HTTP2ConnectionFailure(.abused(abuse), reason: abuse.description)) {
                for _ in 0..<20 { try end.receive(frame) }
            }
        }
    }

    @Test func `frames cut anywhere are the same frames`() throws {
        let bytes = [UInt8]((0..<3_000).flatMap { _ in Frame.frame(6, 0, 0, [UInt8](repeating: 7, count: 8)) })
        for pieceByteCount in [1, 7, 9, 64, bytes.count] {
            let end = try makeServer()
            #expect(throws: HTTP2ConnectionFailure.self) { try end.receive(bytes, pieceByteCount: pieceByteCount) }
            #expect(end.session.counters.pingReceivedCount == 2_000)
        }
    }
}
