import Mesh
import Primitives

/// The traffic that one worker counts, by its labels.
///
/// Labels are made of what peers say, too, so there are bounds: what exceeds them is counted under labels of its own.
struct TrafficTable {
    /// Parties that lead to the same labels; objects, so that they are compared without reading a text.
    private struct Shortcut: Hashable {
        let direction: ConnectionRecord.Direction
        let isTunnelled: Bool
        let caller: Workload?
        let callee: Workload?
        let service: Service?
        let callerShown: ShownIdentity?
        let calleeShown: ShownIdentity?

        static func == (a: Self, b: Self) -> Bool {
            a.direction == b.direction && a.isTunnelled == b.isTunnelled && a.caller === b.caller
                && a.callee === b.callee && a.service === b.service && a.callerShown === b.callerShown
                && a.calleeShown === b.calleeShown
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(caller.map(ObjectIdentifier.init))
            hasher.combine(callee.map(ObjectIdentifier.init))
            hasher.combine(service.map(ObjectIdentifier.init))
            hasher.combine(callerShown.map(ObjectIdentifier.init))
        }
    }

    private var series: [TrafficLabels: TrafficSeries] = [:]
    private var shortcuts: [Shortcut: TrafficSeries] = [:]
    private var overflow: [Reporter: TrafficSeries] = [:]
    /// Series whose labels a peer chose.
    private var foreignLabels: Set<TrafficLabels> = []

    /// Where a connection is counted.
    mutating func series(for record: borrowing ConnectionRecord, at now: Instant) -> TrafficSeries {
        // What somebody says of itself comes as an object of its own with each connection.
        let isForeign = record.caller.described != nil || record.callee.described != nil
        guard !isForeign else { return find(record, isForeign, at: now) }
        let shortcut = Shortcut(
            direction: record.direction, isTunnelled: record.isTunnelled, caller: record.caller.workload,
            callee: record.callee.workload, service: record.service, callerShown: record.caller.shown,
            calleeShown: record.callee.shown)
        if let known = shortcuts[shortcut] { return known }
        let found = find(record, isForeign, at: now)
        if shortcuts.count >= Limits.trafficShortcutCountMax { shortcuts.removeAll() }
        shortcuts[shortcut] = found
        return found
    }

    /// Lets go of the parties of connections that are over; traffic of theirs is found by its labels again. What is old
    /// is forgotten here, too, as there may be nobody who ever asks.
    mutating func releaseMemory(at now: Instant, _ state: MeshState?) {
        forget(idleFor: Limits.trafficSeriesIdleDuration, at: now, state)
    }

    private mutating func find(
        _ record: borrowing ConnectionRecord, _ isForeign: Bool, at now: Instant
    ) -> TrafficSeries {
        let labels = TrafficLabels(record)
        if let known = series[labels] { return known }
        let isFull =
            series.count >= Limits.trafficSeriesCountMax
            || isForeign && foreignLabels.count >= Limits.foreignTrafficSeriesCountMax
        guard !isFull else { return overflow(of: record.direction.reporter, at: now) }
        let made = TrafficSeries(labels, at: now)
        series[labels] = made
        if isForeign { foreignLabels.insert(labels) }
        return made
    }

    private mutating func overflow(of reporter: Reporter, at now: Instant) -> TrafficSeries {
        if let known = overflow[reporter] { return known }
        let made = TrafficSeries(TrafficLabels(overflowOf: reporter), at: now)
        overflow[reporter] = made
        return made
    }

    /// Everything counted so far, by labels.
    func counts() -> [TrafficLabels: TrafficCounts] {
        var counts: [TrafficLabels: TrafficCounts] = [:]
        counts.reserveCapacity(series.count + overflow.count)
        for one in series.values { counts[one.labels] = one.takeCounts() }
        for one in overflow.values { counts[one.labels] = one.takeCounts() }
        return counts
    }

    /// Forgets traffic that ended long ago and one of whose parties has left the mesh; to be called when it has been
    /// reported. Where there are many, pods come and go, and these are forgotten at once.
    mutating func forgetOld(at now: Instant, _ state: MeshState?) {
        let isCrowded = series.count > Limits.trafficSeriesCalmCount
        forget(idleFor: isCrowded ? .zero : Limits.trafficSeriesIdleDuration, at: now, state)
    }

    private mutating func forget(idleFor idleDuration: Duration, at now: Instant, _ state: MeshState?) {
        shortcuts = [:]
        let isGone = { (workload: Workload?) in workload.map { state?.workload(uid: $0.uid) == nil } ?? false }
        let old = series.values.filter { one in
            one.isIdle && now - one.lastUse >= idleDuration
                && (foreignLabels.contains(one.labels) || isGone(one.caller) || isGone(one.callee))
        }
        for one in old {
            series[one.labels] = nil
            foreignLabels.remove(one.labels)
        }
    }
}
