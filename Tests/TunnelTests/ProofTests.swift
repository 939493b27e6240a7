import Glibc
import Primitives
import System
import Testing

@testable import Tunnel

/// Tunnels that live longer than the certificates by which their ends have proved who they are.
@Suite(.serialized) struct ProofTests {
    /// Carries one connection over the end of a certificate that holds for three seconds, and another one after it.
    private func outlive(_ change: (inout Path.Options) -> Void) throws -> Path {
        var options = Path.Options()
        options.expiredDuration = .seconds(3)
        change(&options)
        let path = try Path(options)
        try path.run(
            { entrance in
                let started = MonotonicClock.now()
                let client = try Client(entrance)
                try client.send(pattern(100, seed: 1))
                let first = try client.receiveAll(100)
                #expect(first == pattern(100, seed: 1))
                usleep(3_300_000)
                try client.send(pattern(100, seed: 2))
                let second = try client.receiveAll(100)
                #expect(second == pattern(100, seed: 2), "what is open goes on for a while")
                // It finds no tunnel, and the certificate is not good for a new one.
                let late = try Client(entrance)
                #expect(throws: Errno(ECONNRESET)) { _ = try late.receive(1) }
                #expect(throws: Errno(ECONNRESET)) { _ = try client.receive(1) }
                #expect(MonotonicClock.now() - started < .seconds(8))
            }, until: { path.opener.endings.count == 2 && path.accepter.endings.count == 1 })
        #expect(path.opener.dialCount == 2)
        return path
    }

    @Test func `a client whose certificate ends opens nothing more, and is cut off after a while`() throws {
        let path = try outlive { $0.openerLifetime = .seconds(3) }
        #expect(path.accepter.failures.contains(.expired))
        #expect(path.accepter.endings.first?.cause == .tunnelLost("\(TunnelFailure.expired)"))
    }

    @Test func `a server whose certificate ends is sent nothing more, and is cut off after a while`() throws {
        let path = try outlive { $0.accepterLifetime = .seconds(3) }
        #expect(path.opener.endings.contains { $0.cause == .tunnelLost("\(TunnelFailure.expired)") })
    }

    @Test func `an idle tunnel closes in order as the certificate ends`() throws {
        var options = Path.Options()
        options.openerLifetime = .seconds(3)
        let path = try Path(options)
        try path.run(
            { entrance in
                let client = try Client(entrance)
                try client.send([1])
                _ = try client.receiveAll(1)
                client.finish()
                usleep(3_300_000)
            }, until: { path.opener.pool.tunnelCount == 0 && path.accepter.tunnels.isEmpty })
        #expect(path.accepter.failures.isEmpty && path.opener.dialCount == 1)
    }

    @Test func `the stages of a proof follow one another to its end`() {
        let grace = Duration.seconds(60)
        let answer = Limits.expiredTunnelAnswerDuration
        #expect(ProofStage(at: .seconds(-3), grace: grace) == .valid(.seconds(3)))
        #expect(ProofStage(at: .zero, grace: grace) == .leaving(answer))
        #expect(ProofStage(at: answer - .nanoseconds(1), grace: grace) == .leaving(.nanoseconds(1)))
        #expect(ProofStage(at: answer, grace: grace) == .left(grace - answer))
        #expect(ProofStage(at: grace, grace: grace) == .over)
        #expect(ProofStage(at: .zero, grace: .seconds(1)) == .leaving(.seconds(1)))
        #expect(ProofStage(at: .zero, grace: .zero) == .over)
    }
}
