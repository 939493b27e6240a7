import Primitives
import System

/// The pipes of one worker. A relay has one only while it moves bulk, so that an idle one holds no descriptors.
final class PipePool {
    private(set) var idle: [SplicePipe] = []

    /// Those that relays have.
    private var usedCount = 0

    /// An empty pipe; nil if there are as many as there may be, or no descriptors for one. Bulk is copied then.
    func take() -> SplicePipe? {
        guard usedCount < Limits.usedPipeCountMax, let pipe = idle.popLast() ?? (try? SplicePipe()) else { return nil }
        usedCount += 1
        return pipe
    }

    /// Takes a pipe back. One that is not empty is closed, as are those beyond a few.
    func put(_ pipe: SplicePipe) {
        usedCount -= 1
        if pipe.count == 0, idle.count < Limits.idlePipeCountMax { idle.append(pipe) }
    }
}
