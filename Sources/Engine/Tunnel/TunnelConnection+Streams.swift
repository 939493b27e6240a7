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

    private func use(_ body: (HTTP2Session) -> Void) {
        session?.with(body)
        requestFlush()
    }
}
