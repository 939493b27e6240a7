import EventLoop
import Primitives
import System

/// Looks from time to time whether the process holds memory that it should give back.
final class MemoryKeeper {
    enum Release {
        /// All that a quiet node does not need.
        case all
        /// What a busy node does not need.
        case free
    }

    private let loop: EventLoop
    private let spent: () -> Duration
    private let held: () -> Int?
    private let release: (Release) -> Void
    private var quiet = QuietWatch()
    private var growth = GrowthWatch()

    /// - Parameters:
    ///   - spent: the processor time of the process.
    ///   - held: its anonymous memory.
    ///   - release: gives memory back.
    init(
        loop: EventLoop, spent: @escaping () -> Duration = ProcessorClock.spent,
        held: @escaping () -> Int? = ProcessMemory.anonymousByteCount, release: @escaping (Release) -> Void
    ) {
        self.loop = loop
        self.spent = spent
        self.held = held
        self.release = release
    }

    /// Begins to look.
    func start() {
        watchForQuiet()
        watchForGrowth()
    }

    /// Start-up code alone is half of what an idle node would hold.
    private func watchForQuiet() {
        if quiet.isQuietAgain(spent: spent()) { release(.all) }
        loop.after(Limits.quietDuration) { [weak self] in self?.watchForQuiet() }
    }

    /// A node that is never quiet would hold for good what its busiest moment took.
    private func watchForGrowth() {
        if let held = held(), growth.hasGrown(to: held) { release(.free) }
        loop.after(Limits.growthLookDuration) { [weak self] in self?.watchForGrowth() }
    }
}
