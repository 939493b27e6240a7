import EventLoop
import HTTP2
import Primitives
import System

/// Whether the peer is still there.
extension TunnelConnection {
    /// A stream is about to be opened on a tunnel that may have lost its peer since it was last heard: the answer to a
    /// ping comes sooner than that to a request, which may take its application's time.
    func askAfterSilence() {
        guard !isAsked, pauseTimer == nil, loop.now - lastHeard > Limits.keepAliveFreshDuration else { return }
        ask()
    }

    private func ask() {
        isAsked = true
        ownedSession?.ping(Limits.keepAlivePayload)
        restart(Limits.keepAliveDoubtDuration, Timer.doubt)
        requestFlush()
    }

    /// The peer has answered a ping.
    func answered() {
        (isAsked, isDoubtful) = (false, false)
        restart(Limits.keepAliveInterval, Timer.keepAlive)
    }

    func keepAliveTimerFired(_ kind: Int) {
        // What is not read may hold the answer.
        if pauseTimer != nil {
            isAsked = false
            return restart(Limits.keepAliveInterval, Timer.keepAlive)
        }
        switch kind {
        case Timer.keepAlive: ask()
        case Timer.doubt:
            isDoubtful = true
            restart(Limits.keepAliveTimeout - Limits.keepAliveDoubtDuration, Timer.pong)
        default:
            // What waits for the peer will not arrive, and an end behind it would keep the kernel busy for minutes.
            TCPSocket.resetOnClose(socket.descriptor)
            close(.keepAliveTimedOut)
        }
    }

    func restart(_ span: Duration, _ kind: Int) {
        if let timer { loop.cancel(timer) }
        timer = loop.schedule(after: span, kind: kind, handler: self)
    }
}
