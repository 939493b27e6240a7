/// Whose turn it is to send DATA. nghttp2 asks the same stream for frame after frame until its window is spent; here a
/// stream sends one frame a round, and a round ends when no other stream has anything to send.
struct StreamTurns {
    private var round: UInt32 = 1
    private var passedOver: [Int32] = []

    /// Streams have more to send in the next round.
    var isPending: Bool { !passedOver.isEmpty }

    /// Whether this stream, asked for a frame, has sent one in this round and has to wait for the next.
    mutating func passesOver(_ stream: HTTP2Stream) -> Bool {
        guard stream.round == round else { return false }
        passedOver.append(stream.id)
        return true
    }

    /// The stream sends a frame.
    func sends(_ stream: HTTP2Stream) { stream.round = round }

    /// Ends the round.
    /// - Parameter resume: lets nghttp2 ask a stream again that was passed over; called for each.
    /// - Returns: whether there were any.
    mutating func next(resume: (Int32) -> Void) -> Bool {
        guard !passedOver.isEmpty else { return false }
        round &+= 1
        for id in passedOver { resume(id) }
        passedOver.removeAll(keepingCapacity: true)
        return true
    }
}
