import Mesh
import Primitives

/// What one worker counts of one kind of traffic.
final class TrafficSeries {
    let labels: TrafficLabels
    private(set) var counts = TrafficCounts()
    /// Bytes of open connections, while a snapshot is taken.
    private var underWay = (received: UInt64(0), sent: UInt64(0))
    /// When a connection last opened or ended.
    private(set) var lastUse: Instant
    /// Whom its last connection was between, for as far as the mesh knows them.
    private(set) var caller: Workload?
    private(set) var callee: Workload?

    init(_ labels: TrafficLabels, at now: Instant) {
        self.labels = labels
        lastUse = now
    }

    /// Whether none of its connections is open.
    var isIdle: Bool { counts.opened == counts.closed.wrappedSum() }

    func opened(_ record: borrowing ConnectionRecord, at now: Instant) {
        counts.opened &+= 1
        lastUse = now
        if caller !== record.caller.workload { caller = record.caller.workload }
        if callee !== record.callee.workload { callee = record.callee.workload }
    }

    /// - Parameters: bytes that came from the caller, and that went to it.
    func closed(_ flag: ResponseFlag, received: UInt64, sent: UInt64, at now: Instant) {
        counts.closed[flag.rawValue] &+= 1
        counts.received &+= received
        counts.sent &+= sent
        lastUse = now
    }

    /// Adds what an open connection has moved so far to the next `takeCounts`.
    func add(received: UInt64, sent: UInt64) {
        underWay.received &+= received
        underWay.sent &+= sent
    }

    /// Everything counted, open connections included.
    func takeCounts() -> TrafficCounts {
        var counts = counts
        counts.received &+= underWay.received
        counts.sent &+= underWay.sent
        underWay = (0, 0)
        return counts
    }
}

/// Connections and bytes of one kind of traffic.
struct TrafficCounts: Sendable {
    var opened: UInt64 = 0
    /// By `ResponseFlag`.
    var closed = SIMD8<UInt64>()
    /// From callers.
    var received: UInt64 = 0
    /// To callers.
    var sent: UInt64 = 0

    mutating func merge(_ other: TrafficCounts) {
        opened &+= other.opened
        closed &+= other.closed
        received &+= other.received
        sent &+= other.sent
    }
}

@available(*, unavailable) extension TrafficSeries: Sendable {}
