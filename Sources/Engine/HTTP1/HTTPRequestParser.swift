import Primitives

/// Cuts a stream of bytes into requests, strictly: what two parsers could read in two ways is refused (RFC 9112 11.2).
public struct HTTPRequestParser: Sendable {
    private var buffer: [UInt8] = []
    /// Where looking for the end of the head goes on, and where the line begins that is being looked at.
    private var scanned = 0
    private var lineStart = 0
    private var lines: [Range<Int>] = []
    private var head: RequestHead?
    private var refusal: HTTPRefusal?

    public init() {}

    /// Nothing of a request has arrived.
    public var isIdle: Bool { buffer.isEmpty && head == nil }

    /// Takes bytes of the peer's. Call `next` until it has no more before there are further ones.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer) { unsafe buffer.append(contentsOf: bytes) }

    /// The next request, or nil until it is whole. After a refusal it refuses forever.
    public mutating func next() throws(HTTPRefusal) -> HTTPRequest? {
        if let refusal { throw refusal }
        do throws(HTTPRefusal) {
            return try cut()
        } catch {
            refusal = error
            buffer = []
            throw error
        }
    }

    private mutating func cut() throws(HTTPRefusal) -> HTTPRequest? {
        if head == nil { head = try parseHead() }
        guard let head else { return nil }
        guard buffer.count >= head.bodyByteCount else { return nil }
        let body = Array(buffer.prefix(head.bodyByteCount))
        buffer.removeFirst(head.bodyByteCount)
        self.head = nil
        return head.request(body: body)
    }

    private mutating func parseHead() throws(HTTPRefusal) -> RequestHead? {
        while scanned < min(buffer.count, Limits.http1HeadByteCountMax) {
            let byte = buffer[scanned]
            scanned += 1
            guard byte == UInt8(ascii: "\n") else { continue }
            let end = scanned - 2
            guard end >= lineStart, buffer[end] == UInt8(ascii: "\r") else { throw .malformed }
            let line = lineStart..<end
            lineStart = scanned
            if !line.isEmpty {
                lines.append(line)
                guard lines.count <= Limits.http1FieldCountMax + 1 else { throw .headTooLarge }
            } else if !lines.isEmpty {
                return try finishHead()
            } else if scanned > 2 {
                // One empty line before a request is forgiven (RFC 9112 2.2).
                throw .malformed
            }
        }
        guard scanned < Limits.http1HeadByteCountMax else { throw .headTooLarge }
        return nil
    }

    private mutating func finishHead() throws(HTTPRefusal) -> RequestHead {
        let head = try RequestHead(lines: lines.map { buffer[$0] })
        buffer.removeFirst(scanned)
        scanned = 0
        lineStart = 0
        lines = []
        return head
    }
}
