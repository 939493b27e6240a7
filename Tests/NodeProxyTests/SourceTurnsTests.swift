import Primitives
import Testing

@testable import NodeProxy

struct SourceTurnsTests {
    @Test func `tunnels of one address share a turn until the last has gone`() {
        let (near, far) = (IPAddress(v4: 0x0a00_0001), IPAddress(v4: 0x0a00_0002))
        var turns = SourceTurns()
        let first = turns.enter(near)
        let (second, third) = (turns.enter(near), turns.enter(far))
        #expect(first === second && first !== third)
        turns.leave(near)
        let fourth = turns.enter(near)
        #expect(fourth === first)
        turns.leave(near)
        turns.leave(near)
        turns.leave(near)
        #expect(turns.count == 1)
        let fifth = turns.enter(near)
        #expect(fifth !== first)
    }
}
