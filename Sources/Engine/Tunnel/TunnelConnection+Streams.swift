import HTTP2
import Primitives

/// What streams ask of the session.
extension TunnelConnection {
    func respond(on stream: TunnelStream, fields: [HTTPField]) -> Bool {
        guard (try? ownedSession?.respond(on: stream, fields: fields)) != nil else { return false }
        requestFlush()
        return true
    }

    func refuse(_ stream: TunnelStream, fields: [HTTPField]) { use { try? $0.refuse(stream, fields: fields) } }

    func resume(_ stream: TunnelStream) { use { $0.resume(stream) } }
    func consume(_ byteCount: Int, of stream: TunnelStream) { use { $0.consume(byteCount, of: stream) } }
    func reset(_ stream: TunnelStream, _ code: HTTP2ErrorCode) { use { $0.reset(stream, code) } }

    /// Whether a small piece for the stream is one of many.
    func holds(_ stream: TunnelStream) -> Bool {
        guard let count = session?.with({ $0.frameCount }) else { return false }
        return batch.holds(stream, count)
    }

    /// Writes what small frames brought for each stream.
    func deliverHeld(_ session: HTTP2Session) {
        for stream in batch.end(session.frameCount) {
            stream.isHeld = false
            stream.drain()
        }
    }

    private func use(_ body: (HTTP2Session) -> Void) {
        session?.with(body)
        requestFlush()
    }
}
