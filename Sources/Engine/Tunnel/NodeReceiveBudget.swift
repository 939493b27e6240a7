import Synchronization

/// What all workers of a node keep for applications that do not read. These numbers are all that workers share, and
/// they change only while an application does not keep up.
public final class NodeReceiveBudget: Sendable {
    private let held = Atomic<Int>(0)
    private let lingering = Atomic<Int>(0)

    public init() {}

    /// Bytes of memory that hold what waits, those of streams that their peers have closed included.
    var heldByteCount: Int { held.load(ordering: .relaxed) }

    /// Bytes that wait on streams that their peers have closed.
    var lingeringByteCount: Int { lingering.load(ordering: .relaxed) }

    func holds(_ difference: Int) { held.wrappingAdd(difference, ordering: .relaxed) }

    func lingers(_ difference: Int) { lingering.wrappingAdd(difference, ordering: .relaxed) }
}
