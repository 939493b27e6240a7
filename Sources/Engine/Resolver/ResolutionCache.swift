import Primitives

/// What lookups have found, for as long as it may be believed. At most so many names: the oldest make room.
struct ResolutionCache {
    /// What is known of a name: its addresses, none where there are none, or why that is not known.
    typealias Outcome = Result<[IPAddress], ResolutionFailure>

    private struct Entry {
        var outcome: Outcome
        var expires: Instant
        /// Tells the entry's place in the order from those of earlier ones of the same name.
        var number: UInt64
    }

    private var entries: [String: Entry] = [:]
    private var order: [(name: String, number: UInt64)] = []
    private var head = 0
    private var nextNumber: UInt64 = 0
    private let countMax: Int

    init(countMax: Int) { self.countMax = countMax }

    var count: Int { entries.count }
    /// Places in the order, those of names that have gone included.
    var placeCount: Int { order.count }

    /// What is known; nil where nothing is, or no longer.
    mutating func outcome(of name: String, at now: Instant) -> Outcome? {
        guard let entry = entries[name] else { return nil }
        if entry.expires > now { return entry.outcome }
        entries[name] = nil
        return nil
    }

    mutating func insert(_ outcome: Outcome, for name: String, until expires: Instant, at now: Instant) {
        guard expires > now else { return }
        entries[name] = Entry(outcome: outcome, expires: expires, number: nextNumber)
        order.append((name, nextNumber))
        nextNumber += 1
        while entries.count > countMax { removeOldest() }
        // Names that come again and again leave places behind.
        if order.count - head > 2 * countMax { compact() }
    }

    private mutating func removeOldest() {
        let (name, number) = order[head]
        head += 1
        if entries[name]?.number == number { entries[name] = nil }
        if head > countMax { compact() }
    }

    private mutating func compact() {
        order = order[head...].filter { entries[$0.name]?.number == $0.number }
        head = 0
    }
}
