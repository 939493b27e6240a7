/// The owner of a session's connection. It outlives the session.
public protocol HTTP2SessionDelegate: AnyObject {
    /// Server: a request has arrived; its head is given to the returned stream next. Nil refuses it.
    func acceptStream() -> HTTP2Stream?

    /// The peer's SETTINGS arrived, for the first time or again.
    func settingsReceived()

    /// The answer to `HTTP2Session.ping`.
    func pingAcknowledged(_ payload: UInt64)

    /// The peer takes no streams above `lastStream`; those that are open are closed with REFUSED_STREAM.
    func goAwayReceived(lastStream: Int32, code: HTTP2ErrorCode)
}

extension HTTP2SessionDelegate {
    /// Refuses every request.
    public func acceptStream() -> HTTP2Stream? { nil }
    /// Takes no notice.
    public func settingsReceived() {}
    /// Takes no notice.
    public func pingAcknowledged(_ payload: UInt64) {}
    /// Takes no notice.
    public func goAwayReceived(lastStream: Int32, code: HTTP2ErrorCode) {}
}
