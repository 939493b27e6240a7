import EventLoop
import Primitives
import RPC
import System
import Testing
import TLS

struct CallTests {
    @Test func `a unary call brings the answer`() throws {
        let pair = try Pair()
        #expect(pair.unary("/test.Echo/Unary", Array("hello".utf8)) == .success(Array("hello".utf8)))
        #expect(pair.unary("/test.Echo/Unary", []) == .success([]))
        #expect(pair.server.connectionCount == 1)
    }

    @Test func `messages of ten mebibytes go both ways`() throws {
        var options = RPCServerOptions()
        options.requestByteCountMax = 16 << 20
        let pair = try Pair(server: options)
        let message = (0..<10 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }
        #expect(pair.unary("/test.Echo/Unary", message) == .success(message))
    }

    @Test func `an error keeps its code and its text, whatever is in it`() throws {
        let pair = try Pair()
        let text = "50% of \"it\" – größer\nnext"
        let status = try #require(pair.unary("/test.Echo/Fail", Array(text.utf8))?.status)
        #expect(status == RPCStatus(.failedPrecondition, text, origin: .peer))
    }

    @Test func `an unknown method is unimplemented`() throws {
        let pair = try Pair()
        let status = try #require(pair.unary("/test.Echo/Nothing", [1])?.status)
        #expect(status.code == .unimplemented && status.origin == .peer)
    }

    @Test func `a call that takes too long ends with its deadline, and the next one works`() throws {
        let pair = try Pair()
        let status = try #require(pair.unary("/test.Echo/Never", [1], deadline: .milliseconds(50))?.status)
        #expect(status.code == .deadlineExceeded && status.origin == .local)
        #expect(pair.unary("/test.Echo/Unary", [2]) == .success([2]))
        #expect(pair.server.connectionCount == 1)
    }

    @Test func `a deadline that is told ends the call at the server`() throws {
        let pair = try Pair()
        var atServer: RPCStatus?
        pair.server.serve("/test.Slow/Call") { stream in stream.onEnded = { atServer = $0 } }
        let stream = pair.channel.stream("/test.Slow/Call", deadline: .milliseconds(100), tellsDeadline: true)
        pair.loop.turn(until: { atServer != nil })
        #expect(atServer?.code == .deadlineExceeded || atServer?.code == .cancelled)
        stream.cancel()
    }

    @Test func `a message above the limit is refused before it is held`() throws {
        var options = RPCServerOptions()
        options.requestByteCountMax = 1000
        let pair = try Pair(server: options)
        let status = try #require(pair.unary("/test.Echo/Unary", [UInt8](repeating: 1, count: 1001))?.status)
        #expect(status.code == .resourceExhausted)
        #expect(pair.unary("/test.Echo/Unary", [UInt8](repeating: 1, count: 1000))?.status == nil)
    }

    @Test func `a stream that is ended over a message above the limit is told so, once`() throws {
        var options = RPCServerOptions()
        options.requestByteCountMax = 1000
        let pair = try Pair(server: options)
        var endings: [RPCStatus.Code] = []
        pair.server.serve("/test.Watch/All") { stream in stream.onEnded = { endings.append($0.code) } }
        let stream = pair.channel.stream("/test.Watch/All")
        stream.send([UInt8](repeating: 1, count: 1001))
        stream.send([1])
        pair.loop.turn(until: { !endings.isEmpty })
        pair.loop.turn(until: { false }, limit: .milliseconds(50))
        #expect(endings == [.resourceExhausted])
    }

    @Test func `an answer above the client's limit ends the call`() throws {
        var options = RPCChannelOptions()
        options.responseByteCountMax = 10
        let pair = try Pair(channel: options)
        let status = try #require(pair.unary("/test.Echo/Unary", [UInt8](repeating: 1, count: 11))?.status)
        #expect(status.code == .resourceExhausted && status.origin == .local)
    }

    @Test func `metadata reaches the server in order, and it may turn the call away`() throws {
        var options = RPCChannelOptions()
        options.extraFields = [HTTPField("x-first", "1")]
        let pair = try Pair(channel: options)
        var seen: [HTTPField] = []
        pair.server.admit = { head in
            seen = head.metadata
            return head.bearerToken == "secret" ? nil : RPCStatus(.unauthenticated, "no token")
        }
        var outcomes: [Result<[UInt8], RPCStatus>] = []
        let fields = [HTTPField("authorization", "Bearer secret"), HTTPField("clusterid", "Kubernetes")]
        pair.channel.unary("/test.Echo/Unary", [1]) { outcomes.append($0) }
        pair.loop.turn(until: { outcomes.count == 1 })
        pair.channel.unary("/test.Echo/Unary", [1], metadata: fields) { outcomes.append($0) }
        pair.loop.turn(until: { outcomes.count == 2 })
        #expect(outcomes.first?.status == RPCStatus(.unauthenticated, "no token", origin: .peer))
        #expect(outcomes.last == .success([1]))
        #expect(seen.map(\.name) == ["x-first", "te", "content-type", "authorization", "clusterid"])
    }
}

struct StreamTests {
    @Test func `a stream carries messages both ways until both have finished`() throws {
        let pair = try Pair()
        var received: [[UInt8]] = []
        var ended: [RPCStatus] = []
        let stream = pair.channel.stream("/test.Echo/Stream")
        stream.onMessage = { received.append($0) }
        stream.onEnded = { status, _ in ended.append(status) }
        for index in 0..<100 { stream.send([UInt8](repeating: UInt8(index), count: index * 100)) }
        pair.loop.turn(until: { received.count == 100 })
        #expect(ended.isEmpty)
        stream.send([42])
        stream.finish()
        pair.loop.turn(until: { !ended.isEmpty })
        #expect(received.map(\.count) == (0..<100).map { $0 * 100 } + [1])
        #expect(ended.map(\.isOK) == [true])
    }

    @Test func `a cancelled stream ends on both sides`() throws {
        let pair = try Pair()
        var atServer: RPCStatus?
        var atClient: RPCStatus?
        pair.server.serve("/test.Watch/All") { stream in
            stream.send([1])
            stream.onEnded = { atServer = $0 }
        }
        let stream = pair.channel.stream("/test.Watch/All")
        stream.onMessage = { [weak stream] _ in stream?.cancel() }
        stream.onEnded = { status, _ in atClient = status }
        pair.loop.turn(until: { atServer != nil && atClient != nil })
        #expect(atServer?.code == .cancelled)
        #expect(atClient == RPCStatus(.cancelled, "cancelled", origin: .local))
    }

    @Test func `a reader that pauses stops its sender, and loses nothing`() throws {
        let pair = try Pair()
        let message = [UInt8](repeating: 7, count: 100_000)
        var sender: RPCServerStream?
        var drainedCount = 0
        pair.server.serve("/test.Watch/Flood") { stream in
            sender = stream
            stream.onDrained = {
                drainedCount += 1
                sender?.finish()
            }
            for _ in 0..<100 { stream.send(message) }
        }
        var received = 0
        var ended: RPCStatus?
        let stream = pair.channel.stream("/test.Watch/Flood")
        stream.isPaused = true
        stream.onMessage = { if $0 == message { received += 1 } }
        stream.onEnded = { status, _ in ended = status }
        pair.loop.turn(until: { false }, limit: .milliseconds(300))
        #expect(received == 0)
        // One window of two mebibytes left; the rest waits at the sender.
        let waiting = try #require(sender?.waitingByteCount)
        #expect(waiting > 7_000_000 && waiting < 8_100_000)
        #expect(drainedCount == 0)
        stream.isPaused = false
        pair.loop.turn(until: { ended != nil })
        #expect(received == 100)
        #expect(ended?.isOK == true)
        #expect(drainedCount == 1)
    }

    @Test func `trailers come with the end`() throws {
        let pair = try Pair()
        pair.server.serve("/test.Watch/Trailers") { stream in
            stream.send([1])
            stream.finish(RPCStatus(.aborted, "later"), trailers: [HTTPField("x-extra", "yes")])
        }
        var end: (RPCStatus, [HTTPField])?
        let stream = pair.channel.stream("/test.Watch/Trailers")
        stream.onEnded = { end = ($0, $1) }
        pair.loop.turn(until: { end != nil })
        #expect(end?.0 == RPCStatus(.aborted, "later", origin: .peer))
        #expect(end?.1.text("x-extra") == "yes")
    }

    @Test func `a server that stops lets calls finish and takes no new ones`() throws {
        let pair = try Pair()
        var ended: RPCStatus?
        var isOpened = false
        let stream = pair.channel.stream("/test.Echo/Stream")
        stream.onMessage = { _ in isOpened = true }
        stream.onEnded = { status, _ in ended = status }
        stream.send([1])
        pair.loop.turn(until: { isOpened })
        var isStopped = false
        pair.server.stop(grace: .seconds(5)) { isStopped = true }
        pair.loop.turn(until: { false }, limit: .milliseconds(50))
        #expect(!isStopped)
        #expect(pair.unary("/test.Echo/Unary", [1])?.status?.origin == .connect)
        stream.finish()
        pair.loop.turn(until: { isStopped && ended != nil })
        #expect(isStopped)
        #expect(ended?.isOK == true)
    }

    @Test func `calls that outlast the grace are ended`() throws {
        let pair = try Pair()
        var ended: RPCStatus?
        let stream = pair.channel.stream("/test.Echo/Stream")
        stream.onMessage = { _ in pair.server.stop(grace: .milliseconds(50)) }
        stream.onEnded = { status, _ in ended = status }
        stream.send([1])
        pair.loop.turn(until: { ended != nil })
        #expect(ended?.code == .unavailable && ended?.origin == .transport)
    }
}
