import HTTP1
import Primitives
import Testing

struct HTTPRequestParserTests {
    /// What a stream of bytes, fed in pieces, comes to: requests, and the refusal that ended it.
    private func parse(_ text: String, pieceByteCount: Int = .max) -> (requests: [HTTPRequest], refusal: HTTPRefusal?) {
        var parser = HTTPRequestParser()
        var requests: [HTTPRequest] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(pieceByteCount))
            rest = rest.dropFirst(piece.count)
            unsafe piece.withUnsafeBytes { unsafe parser.receive($0) }
            do throws(HTTPRefusal) {
                while let request = try parser.next() { requests.append(request) }
            } catch {
                return (requests, error)
            }
        }
        return (requests, nil)
    }

    @Test func `a request has its parts`() throws {
        let (requests, refusal) = parse("POST /logging?level=a%3Ddebug&reset HTTP/1.1\r\nHost: a\r\nX-Y: \t z \r\n\r\n")
        let request = try #require(requests.first)
        #expect(refusal == nil)
        #expect(request.method == "POST" && request.path == "/logging")
        #expect(request.parameters.map(\.name) == ["level", "reset"])
        #expect(request.parameters.map(\.value) == ["a=debug", ""])
        #expect(request.fields == [HTTPField("host", "a"), HTTPField("x-y", "z")])
        #expect(request.keepsAlive)
    }

    @Test func `requests follow one another, bodies included`() {
        let (requests, refusal) = parse(
            "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\nGET http://h/c HTTP/1.0\r\n\r\n")
        #expect(refusal == nil)
        #expect(requests.map(\.path) == ["/a", "/b", "/c"])
        #expect(requests.first?.body == Array("hello".utf8))
        #expect(requests.map(\.keepsAlive) == [true, true, false])
    }

    private static let malformed = [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
        "GET / HTTP/1.1\r\nA: b\u{0}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n",
        "GET /\r\n\r\n",
        "G(T / HTTP/1.1\r\n\r\n",
        "GET relative HTTP/1.1\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ]

    @Test(arguments: malformed)
    func `what can be read in two ways is refused`(_ text: String) {
        let (requests, refusal) = parse(text)
        #expect(requests.isEmpty)
        #expect(refusal == .malformed)
    }

    @Test func `what is too large or not understood has its own answer`() {
        let long = String(repeating: "a", count: Limits.http1HeadByteCountMax)
        #expect(parse("GET /\(long) HTTP/1.1\r\n\r\n").refusal == .headTooLarge)
        let many = String(repeating: "A: b\r\n", count: Limits.http1FieldCountMax + 1)
        #expect(parse("GET / HTTP/1.1\r\n\(many)\r\n").refusal == .headTooLarge)
        #expect(parse("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n").refusal == .bodyTooLarge)
        #expect(parse("POST / HTTP/1.1\r\nContent-Length: 65537\r\n\r\n").refusal == .bodyTooLarge)
        #expect(parse("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n").refusal == .lengthRequired)
        #expect(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").refusal == .versionNotSupported)
    }

    @Test func `bytes fed one at a time give what bytes fed at once give`() {
        let whole =
            Self.malformed + [
                "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\n",
                "\r\nGET / HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nA: b\r\n\r\nGET / HTTP/1.1\nbroken",
            ]
        for text in whole {
            let atOnce = parse(text)
            for pieceByteCount in [1, 2, 3, 7] {
                let inPieces = parse(text, pieceByteCount: pieceByteCount)
                #expect(inPieces.requests == atOnce.requests, "\(text)")
                #expect(inPieces.refusal == atOnce.refusal, "\(text)")
            }
        }
    }

    @Test func `dates are those of the calendar`() {
        #expect(HTTPDate.text(WallTime(seconds: 784_111_777)) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(WallTime(seconds: 951_782_400)) == "Tue, 29 Feb 2000 00:00:00 GMT")
        #expect(HTTPDate.text(WallTime(seconds: -1)) == "Wed, 31 Dec 1969 23:59:59 GMT")
    }

    @Test func `an answer states its length and whether the connection ends`() {
        let bytes = HTTPResponse(200, text: "ready\n").bytes(date: WallTime(seconds: 0), keepsAlive: false)
        let expected =
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 6\r\n"
            + "date: Thu, 01 Jan 1970 00:00:00 GMT\r\nconnection: close\r\n\r\nready\n"
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }
}
