import EventLoop
import Glibc
import Primitives
import Synchronization
import System
import Testing

@testable import Tunnel

/// Applications that are gone before their connections are made, in great number.
struct WithdrawalTests {
    @Test func `what may be withdrawn comes back over time, and never becomes more than at first`() {
        let limit = Limits.tunnelWithdrawals
        var allowance = WithdrawalAllowance()
        func taken(at now: Instant) -> Int { (0..<2 * limit.burst).count { _ in allowance.take(at: now) } }
        let start = Instant(nanoseconds: 1_000_000_000_000)
        let counts = [Duration.zero, .milliseconds(1), .seconds(1), .seconds(86_400)].map { taken(at: start + $0) }
        #expect(counts == [limit.burst, 0, limit.perSecond, limit.burst])
    }

    /// To an application that is there and does not answer the kernel's call.
    @Test(arguments: [false, true])
    func `requests beyond those that a peer bears to see withdrawn end with their answers, or with their tunnel`(
        isTunnelLost: Bool
    ) throws {
        let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        let endpoint = TCPSocket.localEndpoint(of: listener)
        let mute = try #require(endpoint)
        Glibc.listen(listener.raw, 0)
        let filler = try Client(mute)
        var options = Path.Options()
        options.secondTarget = mute
        options.clock = ManualClock(now: MonotonicClock.now())
        options.acceptedStreamCountMax = 10_000
        options.streamCountMax = 10_000
        let path = try Path(options)
        let (burst, surplus) = (Limits.tunnelWithdrawals.burst, 10)
        let ended = Mutex(0)
        let isToGo = Mutex(false)
        let door = listener.raw
        try path.run(
            { entrance in
                let kept = try Client(entrance)
                try kept.send([1])
                _ = try kept.receive(1)
                for _ in 0..<burst + surplus { try Client(entrance).reset() }
                while ended.withLock({ $0 }) < burst { usleep(1000) }
                usleep(200_000)
                #expect(ended.withLock { $0 } == burst)
                if isTunnelLost { return isToGo.withLock { $0 = true } }
                // The kernel calls again after a second.
                while ended.withLock({ $0 }) < burst + surplus {
                    Glibc.close(Glibc.accept(door, nil, nil))
                    usleep(1000)
                }
                try kept.send([2])
                let answer = try kept.receive(1)
                #expect(answer == [2])
            },
            until: { path.opener.endings.count >= burst + surplus },
            turning: {
                ended.withLock { $0 = path.opener.endings.count }
                if isToGo.withLock({ $0 }) { path.accepter.tunnels.first?.abandon("gone") }
            })
        #expect(path.accepter.failures == (isTunnelLost ? [.abandoned("gone")] : []))
        let gone = path.opener.endings.filter { $0.bytesFromSocket == 0 }.prefix(burst + surplus)
        #expect(gone.count == burst + surplus)
        #expect(gone.allSatisfy { $0.cause == .socketFailed(.connectionReset) })
        withExtendedLifetime(filler) {}
        withExtendedLifetime(listener) {}
    }
}
