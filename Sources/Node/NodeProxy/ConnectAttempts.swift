import HTTP2
import Primitives
import Tunnel

/// The attempts to take one connection to an endpoint. Another is made only while nothing was read from the
/// application, so that no byte can be lost or arrive twice.
struct ConnectAttempts: Sendable {
    /// What went wrong with an attempt.
    enum Setback {
        /// The endpoint could not be reached, or it could not reach its application.
        case endpoint
        /// The tunnel was lost, or took no more streams, or the endpoint has come to be called another way: another
        /// attempt may lead to the same one.
        case tunnel
    }

    /// Those that count.
    private var count = 0
    /// Uids of the workloads of which one attempt failed for no fault of theirs.
    private var excused: [String] = []
    /// Uids of the workloads that could not be reached.
    private(set) var failed: [String] = []
    /// Why the last attempt failed.
    private(set) var reason: String?
    /// The flag that this has.
    private(set) var flag: ResponseFlag?

    /// An attempt was made.
    var hasFailed: Bool { !failed.isEmpty || !excused.isEmpty }

    /// Takes note of what went wrong. A tunnel that is lost says nothing of where it led: the first one to each
    /// workload costs no attempt, or two endpoints whose node has gone would use up all.
    /// - Returns: Whether another attempt may be made.
    mutating func note(_ setback: Setback, at workload: String, _ reason: String?, _ flag: ResponseFlag?) -> Bool {
        (self.reason, self.flag) = (reason, flag)
        switch setback {
        case .endpoint:
            count += 1
            failed.append(workload)
        case .tunnel where excused.contains(workload): count += 1
        case .tunnel: excused.append(workload)
        }
        return count < Limits.connectAttemptCountMax
    }
}

extension RelayCause {
    /// What it says about an attempt that had no answer yet; nil where it was the application that ended it, or we.
    var setback: ConnectAttempts.Setback? {
        switch self {
        case .streamReset(.refusedStream), .tunnelLost, .http2Failed, .peerRevoked: .tunnel
        case .streamReset, .unanswered: .endpoint
        case .completed, .socketFailed, .aborted: nil
        }
    }
}
