import HTTP2
import Primitives
import Testing

struct ConnectTests {
    @Test func `a plain CONNECT carries bytes both ways and each direction ends on its own`() throws {
        let pair = try Pair()
        let (client, server) = try pair.connect()
        #expect(server.head == connectFields)
        #expect(client.head == [HTTPField(":status", "200")])

        client.outgoing = Array("question".utf8)
        client.ends = true
        pair.client.session.resume(client)
        try pair.exchange()
        #expect(server.bytes == Array("question".utf8))
        #expect(server.endCount == 1)
        #expect(client.endCount == 0)
        #expect(client.isOpen && server.isOpen)

        server.outgoing = Array("answer".utf8)
        server.ends = true
        pair.server.session.resume(server)
        try pair.exchange()
        #expect(client.bytes == Array("answer".utf8))
        #expect(client.endCount == 1)
        #expect(client.closeCodes == [.noError])
        #expect(server.closeCodes == [.noError])
        #expect(pair.client.session.openStreamCount == 0)
        #expect(pair.server.session.openStreamCount == 0)
    }

    @Test func `bytes fed one at a time give what bytes fed at once give`() throws {
        var outcomes: [[[UInt8]]] = []
        for pieceByteCount in [1, 2, 7, 4096, Int.max] {
            let pair = try Pair()
            let (client, server) = try pair.connect()
            client.outgoing = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            server.outgoing = (0..<30_000).map { UInt8(truncatingIfNeeded: $0 &* 17) }
            (client.ends, server.ends) = (true, true)
            pair.client.session.resume(client)
            pair.server.session.resume(server)
            try pair.exchange(pieceByteCount: pieceByteCount)
            #expect(client.closeCodes == [.noError])
            outcomes.append([client.bytes, server.bytes])
        }
        #expect(outcomes[0][0].count == 30_000 && outcomes[0][1].count == 40_000)
        #expect(outcomes.allSatisfy { $0 == outcomes[0] })
    }

    @Test func `a large payload fills records with one frame each`() throws {
        let pair = try Pair()
        let (client, _) = try pair.connect()
        client.outgoing = [UInt8](repeating: 7, count: 40_000)
        pair.client.session.resume(client)
        let chunks = try pair.client.chunks()
        #expect(chunks.map(\.count) == [16384, 16384, 40_000 - 2 * 16375 + 9])
        #expect(chunks.allSatisfy { Frame.parse($0).count == 1 })
        #expect(client.roomCounts.suffix(4).prefix(3) == [16375, 16375, 16375])
    }

    @Test func `small frames of several streams share a record`() throws {
        let pair = try Pair()
        let streams = try (0..<5).map { _ in try pair.connect().client }
        for stream in streams {
            stream.outgoing = [1, 2, 3]
            pair.client.session.resume(stream)
        }
        let chunks = try pair.client.chunks()
        #expect(chunks.map(\.count) == [5 * 12])
    }

    @Test func `output stops when the owner has enough and goes on where it stopped`() throws {
        let pair = try Pair()
        let (client, server) = try pair.connect()
        let payload = (0..<60_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        client.outgoing = payload
        client.ends = true
        pair.client.session.resume(client)
        let first = try pair.client.chunks(atMost: 2)
        #expect(first.count == 2)
        #expect(pair.client.session.wantsWrite)
        try pair.server.receive(first.flatMap { $0 })
        try pair.exchange()
        #expect(server.bytes == payload)
        #expect(server.endCount == 1)
    }

    @Test(arguments: [HTTP2ErrorCode.cancel, .noError, .connectError, HTTP2ErrorCode(rawValue: 0xdead)])
    func `a reset reaches the other end with its code and harms no sibling`(_ code: HTTP2ErrorCode) throws {
        let pair = try Pair()
        let (client, server) = try pair.connect()
        let (sibling, siblingServer) = try pair.connect()
        pair.client.session.reset(client, code)
        try pair.exchange()
        #expect(client.closeCodes == [code])
        #expect(server.closeCodes == [code])
        #expect(server.endCount == 0)
        sibling.outgoing = [1]
        pair.client.session.resume(sibling)
        try pair.exchange()
        #expect(siblingServer.bytes == [1])
    }

    @Test func `a refusal is a status with the end of the stream, then a reset`() throws {
        let pair = try Pair()
        let stream = RecordingStream()
        pair.server.owner.prepare = { [session = pair.server.session] in
            $0.onHead = {
                try? session.refuse($0, fields: [HTTPField(":status", "401")])
            }
        }
        try pair.client.session.open(stream, fields: connectFields)
        try pair.exchange()
        #expect(stream.head.text(":status") == "401")
        #expect(stream.endCount == 1)
        #expect(stream.closeCodes == [.noError])
        #expect(pair.server.session.openStreamCount == 0)
        #expect(pair.server.session.counters.resetSentCount == 1)
    }

    @Test func `interim responses are skipped and trailers end a message`() throws {
        let pair = try Pair()
        let stream = RecordingStream()
        pair.server.owner.prepare = { [session = pair.server.session] in
            $0.outgoing = Array("body".utf8)
            $0.ends = true
            $0.outgoingTrailers = [HTTPField("grpc-status", "0")]
            $0.onHead = { try? session.respond(on: $0, fields: [HTTPField(":status", "200")]) }
        }
        let request = [
            HTTPField(":method", "POST"), HTTPField(":scheme", "https"), HTTPField(":authority", "a"),
            HTTPField(":path", "/"),
        ]
        try pair.exchange()
        var headCount = 0
        stream.onHead = { _ in headCount += 1 }
        try pair.client.session.open(stream, fields: request, endsStream: true)
        try pair.server.receive(pair.client.output())
        // What answers is written meanwhile, and not yet on its way.
        for status in ["100", "103"] {
            try pair.client.receive(Frame.headers(1, [(":status", status), ("link", "</style.css>")]))
        }
        #expect(headCount == 0 && stream.endCount == 0)
        try pair.exchange()
        #expect(headCount == 1)
        #expect(stream.head.text(":status") == "200")
        #expect(stream.head.text("link") == nil)
        #expect(stream.bytes == Array("body".utf8))
        #expect(stream.trailers == [HTTPField("grpc-status", "0")])
        #expect(stream.endCount == 1)
        #expect(stream.closeCodes == [.noError])
    }
}
