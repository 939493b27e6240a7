import Primitives

/// How long to wait before the next stream, by how the last one ended. Source: ztunnel, with three differences: a
/// jitter, so that the nodes of a mesh do not all come back at once, a pause after streams that end as soon as they
/// began, and a stream that lasted makes up for earlier failures.
struct ReconnectBackoff {
    /// How a stream ended.
    enum Ending: Equatable {
        /// There was none: no connection, or the first answer was the last.
        case notEstablished
        /// As streams do from time to time, such as when their server restarts.
        case routine
        /// With an error that will likely come again.
        case failed
        /// Without an error, or with its connection.
        case completed
    }

    private var span = Limits.discoveryBackoffMin

    /// The pause to make; `random` is a random word.
    /// - Parameter lasted: How long the stream was open; nil when it never was.
    mutating func pause(after ending: Ending, lasted: Duration? = nil, random: UInt64) -> Duration {
        if let lasted, lasted >= Limits.discoveryStreamDurationMin { span = Limits.discoveryBackoffMin }
        switch ending {
        case .notEstablished:
            span = min(span * 2, Limits.discoveryBackoffMax)
            return jittered(span, random)
        case .failed:
            defer { span = min(span * 2, Limits.discoveryBackoffMax) }
            return jittered(span, random)
        case .routine, .completed:
            span = Limits.discoveryBackoffMin
            return jittered(span, random)
        }
    }

    /// Between three and five quarters of the span.
    private func jittered(_ span: Duration, _ random: UInt64) -> Duration {
        span * 3 / 4 + span * Int(random % 1024) / 2048
    }
}
