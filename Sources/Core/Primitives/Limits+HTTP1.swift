/// HTTP/1.1, as our own small servers speak it.
extension Limits {
    /// Request line and header section together (ztunnel); more is answered 431.
    public static let http1HeadByteCountMax = 8192
    public static let http1FieldCountMax = 100
    /// The body of a request; more is answered 413.
    public static let http1BodyByteCountMax = 64 << 10
    /// The wait for a whole request, and for the next one on a connection that is kept (ztunnel).
    public static let http1RequestDuration = Duration.seconds(2)
    /// The wait for a peer to take its answer.
    public static let http1AnswerDuration = Duration.seconds(30)
    /// Connections of one server; the next ones are closed at once.
    public static let http1ConnectionCountMax = 256
    /// A server out of descriptors pauses this long before it accepts again.
    public static let http1AcceptPause = Duration.milliseconds(100)
}
