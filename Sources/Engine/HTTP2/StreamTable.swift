/// The streams a session keeps alive; each knows its place.
struct StreamTable {
    private var streams: [HTTP2Stream] = []

    var count: Int { streams.count }

    var all: [HTTP2Stream] { streams }

    mutating func insert(_ stream: HTTP2Stream, id: Int32) {
        precondition(stream.slot == nil && stream.id == 0, "a stream is used once")
        stream.id = id
        stream.slot = streams.count
        streams.append(stream)
    }

    /// False when the stream is not here.
    mutating func remove(_ stream: HTTP2Stream) -> Bool {
        guard let slot = stream.slot else { return false }
        stream.slot = nil
        let last = streams.removeLast()
        if last !== stream {
            streams[slot] = last
            last.slot = slot
        }
        return true
    }

    mutating func removeAll() -> [HTTP2Stream] {
        let removed = streams
        streams = []
        for stream in removed { stream.slot = nil }
        return removed
    }

    /// For streams that nghttp2 does not know any more.
    func first(id: Int32) -> HTTP2Stream? { streams.first { $0.id == id } }
}
