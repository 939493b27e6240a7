import HTTP2
import Primitives
import Testing

/// What a server makes of unusual requests.
struct RequestRuleTests {
    private let connect = [(":method", "CONNECT"), (":authority", "10.1.0.7:8080")]

    /// A server that has seen the preface and has nothing left to say.
    private func server() throws -> End {
        let end = try End(.server)
        try end.receive(Frame.preface + Frame.settings([]))
        _ = try end.output()
        try end.receive(Frame.settingsAcknowledgement)
        return end
    }

    private func resets(_ bytes: [UInt8]) -> [[UInt8]] { Frame.parse(bytes).filter { $0.type == 3 }.map(\.payload) }

    @Test(arguments: [
        [(":method", "CONNECT"), (":authority", "a:1"), (":scheme", "https"), (":path", "/")],
        [(":method", "CONNECT"), (":authority", "a:1"), (":path", "/")],
        [(":method", "CONNECT"), (":authority", "a:1"), (":scheme", "https")],
        [(":method", "CONNECT"), (":authority", "a:1"), (":authority", "b:1")],
        [(":method", "CONNECT"), (":authority", "a:1"), ("transfer-encoding", "chunked")],
        [(":method", "CONNECT"), (":authority", "a:1"), ("connection", "close")],
        [(":method", "CONNECT"), ("baggage", "x"), (":authority", "a:1")],
        [(":method", "CONNECT"), (":authority", "")],
        [(":method", "CONNECT"), (":authority", "a:1"), ("Upper", "case")],
        [(":method", "CONNECT"), (":authority", "a:1"), ("bad name", "x")],
        [(":method", "CONNECT"), (":authority", "a:1"), ("value", "a\u{1}b")],
        [(":method", "CONNECT"), (":authority", "a:1"), (":unknown", "x")],
        [(":method", "GET"), (":authority", "a:1")],
        [(":authority", "a:1")],
    ])
    func `a malformed request is reset and does not reach the owner`(_ fields: [(String, String)]) throws {
        let end = try server()
        try end.receive(Frame.headers(1, fields))
        #expect(resets(try end.output()) == [Frame.bigEndian(1)])
        #expect(end.owner.accepted.isEmpty)
        try end.receive(Frame.headers(3, connect))
        #expect(end.owner.accepted.count == 1)
    }

    @Test(arguments: [("te", "trailers"), ("content-length", "5"), ("expect", "x"), ("baggage", "k=\u{fc}")])
    func `an unusual but allowed field is passed on`(_ field: (String, String)) throws {
        let end = try server()
        try end.receive(Frame.headers(1, connect + [field]))
        #expect(resets(try end.output()) == [])
        #expect(end.owner.accepted.first?.head.text(field.0) == field.1)
    }

    @Test func `a CONNECT without an authority reaches the owner, whose answer goes out instead of a reset`() throws {
        let end = try server()
        try end.receive(Frame.headers(1, [(":method", "CONNECT"), ("host", "a:1")]))
        let stream = try #require(end.owner.accepted.first)
        #expect(stream.head.text("host") == "a:1")
        try end.session.refuse(stream, fields: [HTTPField(":status", "400")])
        let frames = Frame.parse(try end.output())
        #expect(frames.map(\.type) == [1, 3])
        #expect(frames.first?.flags == 5)
        #expect(frames.last?.payload == Frame.bigEndian(0))
        try end.receive(Frame.headers(3, [(":method", "CONNECT"), (":path", "/")]))
        #expect(resets(try end.output()) == [Frame.bigEndian(1)])
        #expect(end.owner.accepted.count == 1)
    }

    @Test(arguments: [("u@10.1.0.7:8080", "503"), ("a@b@c:80", "503"), ("u@10.1.0.7", "400"), ("u@a:65536", "400")])
    func `a CONNECT with a user before the host reaches the owner, and is answered`(
        _ authority: String, _ status: String
    ) throws {
        let end = try server()
        try end.receive(Frame.headers(1, [(":method", "CONNECT"), (":authority", authority)]))
        let stream = try #require(end.owner.accepted.first)
        #expect(stream.head.text(":authority") == authority)
        try end.session.refuse(stream, fields: [HTTPField(":status", status)])
        let frames = Frame.parse(try end.output())
        #expect(frames.map(\.type) == [1, 3])
        #expect(frames.first?.payload == (status == "400" ? [0x8c] : [0x08, 3] + "503".utf8))
        #expect(frames.last?.payload == Frame.bigEndian(0))
        // Wrong in another way as well.
        try end.receive(Frame.headers(3, [(":method", "CONNECT"), (":authority", "u@a/b:1")]))
        #expect(resets(try end.output()) == [Frame.bigEndian(1)])
        #expect(end.owner.accepted.count == 1)
    }

    @Test func `a list of fields above the limit is answered 431 and reset`() throws {
        let end = try server()
        let fields = (0..<17).map { ("x-\($0)", String(repeating: "v", count: 4096)) }
        try end.receive(Frame.headers(1, connect + fields))
        let frames = Frame.parse(try end.output())
        #expect(frames.map(\.type) == [1, 3])
        #expect(frames.first?.flags == 5)
        #expect(frames.last?.payload == Frame.bigEndian(1))
        #expect(end.owner.accepted.isEmpty)
        #expect(end.session.counters.oversizedFieldListCount == 1)
    }

    @Test func `a list of fields just below the limit is accepted`() throws {
        let end = try server()
        let fields = (0..<15).map { ("x-\($0)", String(repeating: "v", count: 4096)) }
        try end.receive(Frame.headers(1, connect + fields))
        #expect(end.owner.accepted.first?.head.count == 17)
    }

    @Test func `a stream above the advertised number is refused alone`() throws {
        let end = try server()
        for index in 0..<1025 { try end.receive(Frame.headers(UInt32(2 * index + 1), connect)) }
        let frames = Frame.parse(try end.output())
        #expect(end.owner.accepted.count == 1024)
        #expect(frames.map(\.type) == [3])
        #expect(frames.first?.stream == 2049)
        #expect(frames.first?.payload == Frame.bigEndian(7))
        #expect(end.session.openStreamCount == 1024)
        #expect(end.session.counters.refusedStreamCount == 1)
    }

    @Test func `a stream that the owner does not want is refused alone`() throws {
        let end = try server()
        end.owner.acceptsStreams = false
        try end.receive(Frame.headers(1, connect))
        #expect(resets(try end.output()) == [Frame.bigEndian(7)])
    }
}
