import EventLoop
import HTTP2
import Primitives
import System
public import TLS

/// What becomes of a tunnel when its peer's proof is worth nothing any more.
extension TunnelConnection {
    /// Ends the tunnel and its streams at once if these lists revoke the peer. The peer is told with GOAWAY.
    public func close(ifRevokedBy lists: RevocationLists) {
        guard let failure = peerChain?.revocation(by: lists) else { return }
        ownedSession?.goAway()
        flush()
        close(.revoked(failure))
    }

    /// Has an eye on the end of the peer's certificates.
    func watchProof() {
        proofEnd = peerChain?.end
        proofTimerFired()
    }

    /// Until its end the proof holds. Then no new streams are opened, and what is open may go on for a while, as the
    /// peer may have a new certificate long since: new streams find a tunnel that was made with it.
    func proofTimerFired() {
        proofTimer = nil
        guard let proofEnd else { return }
        switch ProofStage(at: WallClock.now() - proofEnd, grace: expiredDuration) {
        case .valid(let left): lookAgain(after: left)
        case .leaving(let left):
            drain()
            lookAgain(after: left)
        case .left(let left):
            drain()
            takeNoMore()
            lookAgain(after: left)
        case .over: close(.expired)
        }
    }

    private func lookAgain(after span: Duration) {
        guard !isClosed else { return }
        // Not longer than this: the wall clock may be set, and the loop's clock stops while the machine sleeps.
        let span = min(span, Limits.proofLookDurationMax)
        proofTimer = loop.schedule(after: span, kind: Timer.proof, handler: self)
    }
}

/// How far the end of a proof lies back, and what that means.
enum ProofStage: Equatable {
    /// It has not ended, and will in so long.
    case valid(Duration)
    /// The peer is told to open no more streams; the next stage is so far away.
    case leaving(Duration)
    /// None that it opens are taken; the next stage is so far away.
    case left(Duration)
    /// Nothing may go on.
    case over

    /// - Parameters:
    ///   - age: since the proof ended.
    ///   - grace: how long streams may outlive it.
    init(at age: Duration, grace: Duration) {
        if age < .zero {
            self = .valid(.zero - age)
        } else if age >= grace {
            self = .over
        } else if age < Limits.expiredTunnelAnswerDuration {
            self = .leaving(min(Limits.expiredTunnelAnswerDuration, grace) - age)
        } else {
            self = .left(grace - age)
        }
    }
}
