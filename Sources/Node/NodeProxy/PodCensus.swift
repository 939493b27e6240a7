import Synchronization

/// What is open for one pod on all workers together: so that no pod can use up the descriptors of its node.
final class PodCensus: Sendable {
    private let countMax: Int
    private let count = Atomic<Int>(0)
    private let isCrowded = Atomic<Bool>(false)

    /// - Parameter countMax: how many connections there may be; those that workers take or hand over at the same moment
    ///   may come on top of them.
    init(countMax: Int) { self.countMax = countMax }

    func opened() { count.wrappingAdd(1, ordering: .relaxed) }

    func closed() {
        let left = count.wrappingSubtract(1, ordering: .relaxed).newValue
        if left <= countMax / 2, isCrowded.load(ordering: .relaxed) { isCrowded.store(false, ordering: .relaxed) }
    }

    /// Whether there may be one more. Of those that may not, the log is told of the first only, until half have gone.
    func verdict() -> SourceCensus.Verdict {
        guard count.load(ordering: .relaxed) >= countMax else { return .admitted }
        return .refused(isFirst: !isCrowded.exchange(true, ordering: .relaxed))
    }
}
