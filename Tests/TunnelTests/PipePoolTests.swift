import Primitives
import System
import Testing

@testable import Tunnel

struct PipePoolTests {
    @Test func `there are so many pipes and no more, until some are given back`() {
        let pool = PipePool()
        var pipes: [SplicePipe] = []
        while let pipe = pool.take(), pipes.count < 2 * Limits.usedPipeCountMax { pipes.append(pipe) }
        #expect(pipes.count == Limits.usedPipeCountMax)
        for pipe in pipes { pool.put(pipe) }
        #expect(pool.idle.count == Limits.idlePipeCountMax)
        #expect(pool.take() != nil)
    }
}
