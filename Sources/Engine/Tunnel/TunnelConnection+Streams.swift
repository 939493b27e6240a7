import EventLoop
public import HTTP2
public import Primitives

/// What streams ask of the session, and their end.
extension TunnelConnection {
    /// Ends the tunnel and every stream on it at once.
    public func abandon(_ reason: String) { close(.abandoned(reason), atOnce: true) }

    /// Client: opens a stream with a CONNECT request.
    public func open(_ stream: TunnelStream, fields: [HTTPField]) throws(HTTP2StreamFailure) {
        guard isOpen, let session = ownedSession else { throw .goingAway }
        askAfterSilence()
        try session.open(stream, fields: fields)
        stream.opened(on: self)
        streamCount += 1
        requestFlush()
    }

    public func acceptStream() -> HTTP2Stream? {
        guard isServer else { return nil }
        let stream = TunnelStream(accepting: loop)
        stream.opened(on: self)
        streamCount += 1
        return stream
    }

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

    /// Writes what small frames brought for each stream: no more than was read just now.
    func deliverHeld(_ session: HTTP2Session) {
        guard let held = batch.end(session.frameCount) else { return }
        for stream in held {
            stream.isHeld = false
            stream.deliver()
        }
    }

    /// Tells streams that the tunnel is closed; the loop keeps it until all have been told.
    func endStreams() {
        guard let session = ownedSession else { return }
        let before = streamCount
        let isDone = session.abandon(.internalError, atMost: buffers.turn.takeEnds(in: loop.turnCount))
        buffers.turn.ended(before - streamCount)
        if !isDone { requestResume() }
    }

    private func use(_ body: (HTTP2Session) -> Void) {
        session?.with(body)
        requestFlush()
    }
}
