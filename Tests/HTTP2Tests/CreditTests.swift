import HTTP2
import Primitives
import Testing

struct CreditTests {
    /// Small windows: 64 KiB a stream, 1 MiB the connection.
    private let settings = HTTP2Settings(
        streamWindowByteCount: 65536, connectionWindowByteCount: 1 << 20, frameByteCountMax: 16384,
        fieldListByteCountMax: 16384, streamCountMax: 200)

    @Test func `a sender stops at the stream's window and goes on when the receiver gives credit`() throws {
        let pair = try Pair(server: settings)
        let (client, server) = try pair.connect()
        client.outgoing = [UInt8](repeating: 1, count: 200_000)
        pair.client.session.resume(client)
        try pair.exchange()
        #expect(server.bytes.count == 65536)

        pair.server.session.consume(40_000, of: server)
        try pair.exchange()
        #expect(server.bytes.count == 65536 + 40_000)

        server.onBytes = { [session = pair.server.session] in session.consume($1, of: $0) }
        pair.server.session.consume(65536, of: server)
        try pair.exchange()
        #expect(server.bytes.count == 200_000)
    }

    @Test func `streams that are not read do not silence the others`() throws {
        let pair = try Pair(server: settings)
        // Together these would use up the window of the connection twice over if their credit were withheld there too.
        for _ in 0..<32 {
            let stalled = try pair.connect().client
            stalled.outgoing = [UInt8](repeating: 0, count: 65536)
            pair.client.session.resume(stalled)
            try pair.exchange()
        }
        let (client, server) = try pair.connect()
        server.onBytes = { [session = pair.server.session] in session.consume($1, of: $0) }
        client.outgoing = [UInt8](repeating: 2, count: 3 << 20)
        client.ends = true
        pair.client.session.resume(client)
        try pair.exchange()
        #expect(server.bytes.count == 3 << 20)
        #expect(server.endCount == 1)
    }

    @Test func `a peer that overruns the stream's window is cut off`() throws {
        let end = try End(.server, settings)
        try end.receive(Frame.preface + Frame.settings([]))
        _ = try end.output()
        try end.receive(Frame.settingsAcknowledgement)
        try end.receive(Frame.headers(1, [(":method", "CONNECT"), (":authority", "a:1")]))
        let payload = [UInt8](repeating: 0, count: 16384)
        for _ in 0..<4 { try end.receive(Frame.frame(0, 0, 1, payload)) }
        #expect(end.owner.accepted[0].bytes.count == 65536)
        try end.receive(Frame.frame(0, 0, 1, [0]))
        // nghttp2 resets the stream or ends the connection, as its release has it.
        _ = try? end.output()
        let last = Frame.parse(end.owner.chunks.flatMap { $0 }).last
        #expect(last?.type == 3 || last?.type == 7)
        #expect(last.map { Array($0.payload.suffix(from: $0.type == 3 ? 0 : 4).prefix(4)) } == Frame.bigEndian(3))
        #expect(end.owner.accepted[0].bytes.count == 65536)
    }

    @Test func `streams that have frames to send take turns`() throws {
        let pair = try Pair()
        let streams = try (0..<3).map { _ in try pair.connect().client }
        for stream in streams {
            stream.outgoing = [UInt8](repeating: 0, count: 60_000)
            pair.client.session.resume(stream)
        }
        // The server's acknowledgements are not what is looked at.
        var senders: [UInt32] = []
        while streams.contains(where: { !$0.outgoing.isEmpty }) {
            let bytes = try pair.client.output()
            senders += Frame.parse(bytes).filter { $0.type == 0 }.map(\.stream)
            try #require(!bytes.isEmpty)
        }
        let ids = streams.map { UInt32($0.id) }
        #expect(Array(senders.prefix(3)).sorted() == ids.sorted())
        for (one, next) in zip(senders, senders.dropFirst()) where senders.count > 3 {
            // Two frames of one stream follow each other only when it is the last.
            if one == next { #expect(senders.suffix(2) == [one, next] || Set(senders.suffix(3)).count == 1) }
        }
    }

    @Test func `a window that grew lets more through, and one that shrank less`() throws {
        let pair = try Pair(server: settings)
        let (client, server) = try pair.connect()
        client.outgoing = [UInt8](repeating: 1, count: 600_000)
        pair.client.session.resume(client)
        pair.server.session.setWindow(200_000, of: server)
        try pair.exchange()
        #expect(server.bytes.count == 200_000)
        pair.server.session.setWindow(50_000, of: server)
        pair.server.session.consume(200_000, of: server)
        try pair.exchange()
        #expect(server.bytes.count == 250_000)
    }
}
