import HTTP2
import Primitives
import Testing

struct ConnectionTests {
    @Test func `a ping comes back with its payload`() throws {
        let pair = try Pair()
        pair.client.session.ping(0x3b7c_db7a_0b87_16b4)
        try pair.exchange()
        #expect(pair.client.owner.pongs == [0x3b7c_db7a_0b87_16b4])
        #expect(pair.server.session.counters.pingReceivedCount == 1)
    }

    @Test func `a graceful end lets open streams finish and takes no new ones`() throws {
        let pair = try Pair()
        let (client, server) = try pair.connect()
        pair.server.session.announceShutdown()
        try pair.exchange()
        #expect(pair.client.owner.goAways.map(\.last) == [Int32.max])
        #expect(throws: HTTP2StreamFailure.goingAway) {
            try pair.client.session.open(RecordingStream(), fields: connectFields)
        }
        pair.server.session.goAway()
        try pair.exchange()
        #expect(pair.client.owner.goAways.map(\.last) == [Int32.max, 1])
        #expect(!pair.server.session.isFinished)

        for (session, stream) in [(pair.client.session, client), (pair.server.session, server)] {
            stream.outgoing = [9]
            stream.ends = true
            session.resume(stream)
        }
        try pair.exchange()
        #expect(client.bytes == [9] && server.bytes == [9])
        #expect(client.closeCodes == [.noError] && server.closeCodes == [.noError])
        #expect(pair.server.session.isFinished)
    }

    @Test func `streams above the last one of a GOAWAY are closed as refused`() throws {
        let end = try End(.client)
        let streams = [RecordingStream(), RecordingStream()]
        for stream in streams { try end.session.open(stream, fields: connectFields) }
        _ = try end.output()
        try end.receive(Frame.settings([]) + Frame.frame(7, 0, 0, Frame.bigEndian(1) + Frame.bigEndian(0)))
        #expect(streams[0].closeCodes == [])
        #expect(streams[1].closeCodes == [.refusedStream] && !streams[1].isResetByPeer)
        let refused = Frame.frame(3, 0, 1, Frame.bigEndian(HTTP2ErrorCode.refusedStream.rawValue))
        try end.receive(refused)
        #expect(streams[0].closeCodes == [.refusedStream] && streams[0].isResetByPeer)
    }

    @Test func `requests beyond the peer's limit wait their turn, and may be withdrawn`() throws {
        var settings = HTTP2Settings.tunnelServer
        settings.streamCountMax = 2
        let pair = try Pair(server: settings)
        try pair.exchange()
        let streams = (0..<4).map { _ in RecordingStream() }
        for stream in streams { try pair.client.session.open(stream, fields: connectFields) }
        try pair.exchange()
        #expect(pair.server.owner.accepted.count == 2)
        pair.client.session.reset(streams[2], .cancel)
        pair.client.session.reset(streams[0], .cancel)
        try pair.exchange()
        #expect(pair.server.owner.accepted.count == 3)
        #expect(streams[2].closeCodes.count == 1)
        #expect(streams[3].isOpen)
        #expect(pair.client.session.openStreamCount == 2)
    }

    /// Names, frames, and the code that each must earn.
    private static let violations: [(String, [UInt8], HTTP2ErrorCode)] = [
        ("a frame above the size limit", Frame.frame(0, 0, 1, []).replacing(at: 0, with: [0x20]), .frameSizeError),
        ("DATA on a stream never opened", Frame.frame(0, 0, 7, [1]), .protocolError),
        ("DATA on stream 0", Frame.frame(0, 0, 0, [1]), .protocolError),
        ("PUSH_PROMISE from a client", Frame.frame(5, 4, 1, Frame.bigEndian(2)), .protocolError),
        ("a stream with an even number", Frame.headers(2, [(":method", "CONNECT")]), .protocolError),
        ("a block that does not decode", Frame.frame(1, 4, 1, [0xff, 0xff, 0xff, 0xff, 0x7f]), .compressionError),
        ("SETTINGS of odd length", Frame.frame(4, 0, 0, [0]), .frameSizeError),
        ("a window that overflows", Frame.frame(8, 0, 0, Frame.bigEndian(0x7fff_ffff)), .flowControlError),
    ]

    @Test(arguments: violations)
    func `a peer that breaks the protocol is told why and loses the connection`(
        _ name: String, _ frame: [UInt8], _ code: HTTP2ErrorCode
    ) throws {
        let end = try End(.server)
        try end.receive(Frame.preface + Frame.settings([]))
        _ = try end.output()
        try end.receive(Frame.settingsAcknowledgement + frame)
        #expect {
            _ = try end.output()
        } throws: {
            ($0 as? HTTP2ConnectionFailure)?.kind == .violation(code)
        }
        let last = Frame.parse(end.owner.chunks.flatMap { $0 }).last
        #expect(last?.type == 7)
        #expect(last.map { Array($0.payload[4..<8]) } == Frame.bigEndian(code.rawValue))
    }

    @Test func `giving up tells each stream once, also from within an event`() throws {
        let pair = try Pair()
        let (first, second) = (try pair.connect(), try pair.connect())
        first.server.onBytes = { [session = pair.server.session] _, _ in session.abandon(.internalError) }
        first.client.outgoing = [1, 2, 3]
        second.client.outgoing = [4, 5, 6]
        pair.client.session.resume(first.client)
        pair.client.session.resume(second.client)
        try pair.server.receive(try pair.client.output())
        #expect(first.server.closeCodes == [.internalError])
        #expect(second.server.closeCodes == [.internalError])
        #expect(second.server.bytes == [])
        #expect(pair.server.session.isFinished)
        #expect(try pair.server.output() == [])
        pair.server.session.abandon(.cancel)
        #expect(first.server.closeCodes.count == 1)
    }
}

extension [UInt8] {
    func replacing(at index: Int, with bytes: [UInt8]) -> [UInt8] {
        var copy = self
        copy.replaceSubrange(index..<index + bytes.count, with: bytes)
        return copy
    }
}
