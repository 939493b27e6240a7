import EventLoop
import Primitives

/// A stream that relays has one timer, which finds that not a byte has moved for too long.
extension TunnelStream {
    private var movedByteCount: UInt64 { bytesFromSocket &+ bytesToSocket }

    /// Looks again when the span that holds now is over.
    func watchSilence() {
        if let span = silence.span { restart(span) }
    }

    /// One direction is over; the other may go on for as long as it moves something.
    func directionEnded() {
        if silence.directionEnded(after: movedByteCount) { watchSilence() }
    }

    func silenceTimerFired() {
        if silence.hasMoved(movedByteCount) { watchSilence() } else { abort(silence.reason) }
    }
}
