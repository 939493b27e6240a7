import Primitives
import System

/// The pipes of one worker. A relay has one only while it moves bulk, so that an idle one holds no descriptors.
final class PipePool {
    private(set) var idle: [SplicePipe] = []

    /// An empty pipe; nil if there are no descriptors for one.
    func take() -> SplicePipe? { idle.popLast() ?? (try? SplicePipe()) }

    /// Takes a pipe back. One that is not empty is closed, as are those beyond a few.
    func put(_ pipe: SplicePipe) {
        if pipe.count == 0, idle.count < Limits.idlePipeCountMax { idle.append(pipe) }
    }
}
