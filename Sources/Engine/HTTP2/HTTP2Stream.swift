public import Primitives

/// What a stream gives when it is asked for outgoing bytes.
public enum HTTP2ReadResult {
    /// So many bytes were put at the start of the room; more follow. Zero is not allowed: say `deferred`.
    case bytes(Int)
    /// So many bytes, the last of this direction.
    case end(Int)
    /// So many bytes, the last of this direction, and then these trailers.
    case trailers(Int, [HTTPField])
    /// None now. The session asks again after `resume`.
    case deferred
    /// The stream cannot go on and is reset.
    case reset(HTTP2ErrorCode)
}

/// One stream of a session, to be subclassed by whoever carries it: a class and not a protocol, so that one pointer
/// finds both the stream and its behaviour while frames come and go. The session keeps the stream alive from `open`
/// (or its acceptance) until `closed`.
open class HTTP2Stream {
    /// Its number on the wire; 0 until the session has taken it.
    public internal(set) final var id: Int32 = 0
    /// Where the session keeps it; nil before it was taken and after it is closed.
    final var slot: Int?
    /// The head of the message has arrived: further fields are trailers.
    final var hasHead = false
    /// Our own head has left; a server has answered.
    public internal(set) final var hasHeadLeft = false
    /// We reset it of our own accord.
    final var isGivenUp = false
    /// The peer has reset it, and has not only gone away before it took it.
    public internal(set) final var isResetByPeer = false
    /// The round in which it last sent DATA.
    final var round: UInt32 = 0
    /// The end of our direction has left, so that `closed` follows `receivedEnd` at once.
    public internal(set) final var hasEndLeft = false
    /// Server: nghttp2 resets it, and this answer goes out before the reset.
    final var answerToNobody: HTTP2NobodyStatus?
    /// Server: the stream is reset with this once our direction has ended in order, in case the peer's goes on.
    public final var partingCode: HTTP2ErrorCode?

    public init() {}

    /// Neither closed nor waiting to be opened.
    public final var isOpen: Bool { slot != nil }

    /// The head of the request (server) or of the final response (client; interim ones are skipped) arrived.
    open func received(head: [HTTPField], endsStream: Bool) {}

    /// Payload arrived, valid during the call. The peer gets credit for it when `HTTP2Session.consume` says so.
    open func received(_ bytes: UnsafeRawBufferPointer) {}

    /// Trailers arrived; the end follows.
    open func received(trailers: [HTTPField]) {}

    /// The peer has ended its direction.
    open func receivedEnd() {}

    /// Puts bytes that are to be sent at the start of `room`.
    open func read(into room: UnsafeMutableRawBufferPointer) -> HTTP2ReadResult { .end(0) }

    /// The stream is gone, for whatever reason; called exactly once, and nothing is called thereafter. Both directions
    /// ended in order when the code is NO_ERROR and both ends were seen.
    open func closed(_ code: HTTP2ErrorCode) {}
}
