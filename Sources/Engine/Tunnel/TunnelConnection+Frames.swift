import EventLoop
import HTTP2
import Primitives

/// Frames of the peer: what a turn has no time for waits for the next.
extension TunnelConnection {
    /// Hands frames to the session, few at a time where they may be small: a flood of them must not hold up others.
    func take(_ plaintext: UnsafeRawBufferPointer, for session: HTTP2Session) {
        let frameCountMax = pace.sendsLarge ? .max : Limits.smallFrameCountPerLook
        var rest = unsafe plaintext
        batch.begin(session.frameCount)
        do {
            repeat {
                let count = try unsafe session.receive(rest, at: loop.now, frameCountMax: frameCountMax)
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            } while rest.count > 0 && loop.timeInTurn < Limits.peerTurnDuration
            deliverHeld(session)
        } catch {
            deliverHeld(session)
            // The peer broke HTTP/2: it is told with GOAWAY, which goes out first.
            flush()
            return close(.http2(error))
        }
        if !isClosed { unsafe untaken.append(rest) }
    }

    /// Has what waits taken next, as if it had just been decrypted.
    func recall() -> SecureSocket.Input {
        buffers.plaintext.reset()
        unsafe buffers.plaintext.append(untaken.readable)
        untaken.release()
        return SecureSocket.Input()
    }
}
