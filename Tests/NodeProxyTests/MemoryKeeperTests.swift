import EventLoop
@testable import NodeProxy
import Primitives
import Testing

/// A process as the keeper sees it.
private final class Watched {
    private let clock: ManualClock
    private let loop: EventLoop
    private let keeper: MemoryKeeper
    private let world: World

    private final class World {
        var spent = Duration.zero
        var heldMiB: Int?
        var releases: [MemoryKeeper.Release] = []
    }

    init(holding heldMiB: Int?) throws {
        let (clock, world) = (ManualClock(now: Instant(nanoseconds: 0)), World())
        world.heldMiB = heldMiB
        loop = try EventLoop(clock: clock)
        (self.clock, self.world) = (clock, world)
        keeper = MemoryKeeper(loop: loop, spent: { world.spent }, held: { world.heldMiB.map { $0 << 20 } }) {
            world.releases.append($0)
        }
        keeper.start()
    }

    /// What it gives back in so many seconds, in each of which it works for so long, holding so much.
    func releases(in seconds: Int, working: Duration, holding heldMiB: Int?) -> [MemoryKeeper.Release] {
        (world.heldMiB, world.releases) = (heldMiB, [])
        for _ in 0..<seconds {
            world.spent += working
            clock.advance(by: .seconds(1))
            loop.turn(waitingAtMost: .zero)
        }
        return world.releases
    }
}

@Suite struct MemoryKeeperTests {
    private static let growthSeconds = Int(Limits.growthLookDuration / .seconds(1))

    @Test func `a process that is never quiet gives back what is free once it has grown, and only then`() throws {
        let busy = try Watched(holding: 5)
        let work = Duration.milliseconds(500)
        #expect(busy.releases(in: Self.growthSeconds, working: work, holding: 5) == [])
        #expect(busy.releases(in: Self.growthSeconds, working: work, holding: 50) == [.free])
        #expect(busy.releases(in: 3 * Self.growthSeconds, working: work, holding: 50) == [])
        #expect(busy.releases(in: Self.growthSeconds, working: work, holding: 70) == [.free])
    }

    @Test func `a process that becomes quiet gives back all, once`() throws {
        let process = try Watched(holding: nil)
        #expect(process.releases(in: 3, working: .milliseconds(500), holding: nil) == [])
        #expect(process.releases(in: 5, working: .zero, holding: nil) == [.all])
        #expect(process.releases(in: 3, working: .milliseconds(500), holding: nil) == [])
        #expect(process.releases(in: 5, working: .zero, holding: nil) == [.all])
    }
}
