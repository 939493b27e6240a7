import HTTP2
import Primitives
import Testing

struct PrologueTests {
    @Test func `a client opens with the preface, its settings in order and the window of the connection`() throws {
        let end = try End(.client)
        var expected = Frame.preface
        expected += Frame.settings([(2, 0), (4, 65536), (5, 1_048_576), (6, 16384)])
        expected += Frame.frame(8, 0, 0, Frame.bigEndian(16_777_216 - 65535))
        #expect(try end.output() == expected)
    }

    @Test func `a server opens with its settings in order and the window of the connection`() throws {
        let end = try End(.server)
        var expected = Frame.settings([(3, 1024), (4, 65536), (5, 1_048_576), (6, 65536)])
        expected += Frame.frame(8, 0, 0, Frame.bigEndian(16_777_216 - 65535))
        #expect(try end.output() == expected)
    }

    @Test func `the prologue and the first request leave in one chunk, before the peer has spoken`() throws {
        let end = try End(.client)
        try end.session.open(RecordingStream(), fields: connectFields)
        let chunks = try end.chunks()
        #expect(chunks.count == 1)
        let frames = Frame.parse(Array(chunks[0].dropFirst(Frame.preface.count)))
        #expect(frames.map(\.type) == [4, 8, 1])
    }

    @Test func `both ends hear of the other's settings`() throws {
        let pair = try Pair()
        try pair.exchange()
        #expect(pair.client.owner.settingsCount == 1)
        #expect(pair.server.owner.settingsCount == 1)
        #expect(pair.client.session.peerStreamCountMax == 1024)
    }

    @Test func `bytes that are not HTTP/2 end the connection`() throws {
        let end = try End(.server)
        #expect {
            try end.receive(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        } throws: {
            ($0 as? HTTP2ConnectionFailure)?.kind == .notHTTP2
        }
    }
}
