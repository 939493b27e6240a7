import Primitives
import Schema
import System

/// Changed workloads at a fixed rate, and how long each takes until the node says that it has it.
final class UpdateStorm {
    /// An update that is acknowledged later than this after it was due is late.
    private static let lateSpan = Duration.milliseconds(10)

    let total: Int
    private let mesh: SyntheticMesh
    private let interval: Duration
    private let begin = MonotonicClock.now()
    private var random = Draw(7)
    private(set) var sentCount = 0
    private var acknowledgedCount = 0
    private(set) var lateCount = 0
    private(set) var histogram = Histogram()

    init(mesh: SyntheticMesh, rate: Int, total: Int) {
        self.mesh = mesh
        self.total = total
        interval = .nanoseconds(1_000_000_000 / rate)
    }

    var isOver: Bool { acknowledgedCount == total }

    /// The numbers of the updates that are to be sent now.
    func due() -> Range<Int> {
        let elapsed = MonotonicClock.now() - begin
        let count = min(total, Int(elapsed.nanoseconds / interval.nanoseconds) + 1)
        defer { sentCount = count }
        return sentCount..<max(count, sentCount)
    }

    /// A workload of the mesh, any of them, in a new version.
    func resource(_ number: Int) -> Resource {
        mesh.workload(Int(random.next() % UInt64(mesh.workloadCount)), version: 1000 + number)
    }

    func acknowledged(_ number: Int) {
        acknowledgedCount += 1
        let span = MonotonicClock.now() - (begin + interval * number)
        histogram.record(nanoseconds: span.nanoseconds)
        if span > Self.lateSpan { lateCount += 1 }
    }
}
