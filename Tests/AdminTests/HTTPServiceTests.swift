import Admin
import EventLoop
import HTTP1
import Primitives
import System
import Testing

struct HTTPServiceTests {
    private let loop: EventLoop
    private let service: HTTPService
    private let readiness = Readiness()

    init() throws {
        loop = try EventLoop()
        service = try HTTPService(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0), loop: loop)
        service.serve(Readiness.path) { [readiness] in readiness.respond(to: $0) }
    }

    /// What comes back for `text` until the service closes, or nothing comes for a moment.
    private func exchange(_ text: String, lasting limit: Duration = .milliseconds(300)) throws -> String {
        let socket = try TCPSocket.connect(to: service.endpoint)
        loop.turn(waitingAtMost: .milliseconds(20))
        let bytes = Array(text.utf8)
        _ = try unsafe bytes.withUnsafeBytes { try unsafe socket.write($0) }
        var answer: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65536)
        let deadline = MonotonicClock.now() + limit
        while MonotonicClock.now() < deadline {
            loop.turn(waitingAtMost: .milliseconds(5))
            let outcome = try unsafe room.withUnsafeMutableBytes { try unsafe socket.read(into: $0) }
            switch outcome {
            case .bytes(let count): answer += room[..<count]
            case .wouldBlock: continue
            case .endOfStream: return String(decoding: answer, as: UTF8.self) + "<end>"
            }
        }
        return String(decoding: answer, as: UTF8.self)
    }

    @Test func `a probe hears what is still waited for, and then that all is ready`() throws {
        defer { service.stop() }
        readiness.expect("state manager")
        readiness.expect("proxy")
        let request = "GET /healthz/ready HTTP/1.1\r\nConnection: close\r\n\r\n"
        let early = try exchange(request)
        #expect(early.hasPrefix("HTTP/1.1 500 "))
        #expect(early.hasSuffix("not ready, pending: proxy, state manager\n<end>"))
        readiness.complete("proxy")
        readiness.complete("state manager")
        let late = try exchange(request)
        #expect(late.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(late.hasSuffix("\r\n\r\nready\n<end>"))
        #expect(try exchange("POST /healthz/ready HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 405 "))
    }

    @Test func `a connection is kept for further requests, and unknown paths are not found`() throws {
        defer { service.stop() }
        let answer = try exchange("GET /a HTTP/1.1\r\n\r\nGET /healthz/ready HTTP/1.1\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        #expect(answer.hasSuffix("ready\n"))
    }

    @Test func `a malformed request is answered 400 and the connection ends`() throws {
        defer { service.stop() }
        let answer = try exchange("GET / HTTP/1.1\nHost: a\n\n")
        #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.hasSuffix("<end>"))
    }

    @Test func `half a request is given up after two seconds`() throws {
        defer { service.stop() }
        #expect(try exchange("GET / HTTP/1.1\r\n", lasting: .seconds(4)) == "<end>")
        #expect(service.connectionCount == 0)
    }
}
