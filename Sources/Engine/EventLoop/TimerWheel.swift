/// Names a timer; a token outlives its timer harmlessly.
public struct TimerToken: Equatable, Sendable {
    let index: Int32
    let generation: UInt32
}

/// A hierarchical timer wheel: four levels of 64 slots, one tick at the lowest. Starting and stopping a timer is O(1);
/// a timer moves down at most three times before it fires, never early and at most one tick late. It reads no clock.
struct TimerWheel<Payload> {
    private struct Entry {
        var deadline: UInt64 = 0
        var next: Int32 = -1
        var previous: Int32 = -1
        var slot: Int32 = -1
        var generation: UInt32 = 0
        var payload: Payload?
    }

    private static var levelCount: Int { 4 }
    private static var slotBits: UInt64 { 6 }
    /// Timers further away wait in the last slot of the highest level and are placed again from there. One more and it
    /// would be the slot that is current there, which asks to be looked at with every tick.
    private static var spanMax: UInt64 { 63 << (slotBits * UInt64(levelCount - 1)) }

    private var entries: [Entry] = []
    private var freeHead: Int32 = -1
    private var lastGeneration: UInt32 = 0
    private var heads = [Int32](repeating: -1, count: 4 * 64)
    private var occupied: [UInt64] = [0, 0, 0, 0]
    private var current: UInt64
    /// Timers that wait.
    private(set) var count = 0

    /// A wheel whose last finished tick is `tick`.
    init(tick: UInt64) { current = tick }

    /// Starts a timer that fires once the wheel has reached `deadline`; one in the past fires at the next advance.
    mutating func insert(deadline: UInt64, _ payload: Payload) -> TimerToken {
        let index: Int32
        if freeHead >= 0 {
            index = freeHead
            freeHead = entries[Int(index)].next
        } else {
            index = Int32(entries.count)
            entries.append(Entry())
        }
        lastGeneration &+= 1
        entries[Int(index)].generation = lastGeneration
        entries[Int(index)].deadline = deadline
        entries[Int(index)].payload = payload
        count += 1
        link(index, noEarlierThan: current + 1)
        return TimerToken(index: index, generation: entries[Int(index)].generation)
    }

    /// Stops a timer; nil when it fired or was stopped before.
    @discardableResult
    mutating func remove(_ token: TimerToken) -> Payload? {
        guard token.index >= 0, token.index < entries.count,
            entries[Int(token.index)].generation == token.generation, entries[Int(token.index)].payload != nil
        else { return nil }
        unlink(token.index)
        return release(token.index)
    }

    /// Gives back the room behind the last timer that waits.
    mutating func trim() {
        while let last = entries.last, case nil = last.payload { entries.removeLast() }
        // Into a block of its size.
        entries = entries.map { $0 }
        freeHead = -1
        for index in entries.indices.reversed() {
            guard case nil = entries[index].payload else { continue }
            entries[index].next = freeHead
            freeHead = Int32(index)
        }
    }

    /// The tick at which the wheel next has something to do; never later than the next deadline.
    var nextTick: UInt64? {
        for level in 0..<Self.levelCount where occupied[level] != 0 {
            let shift = Self.slotBits * UInt64(level)
            let position = current >> shift & 63
            let rotated = occupied[level] >> position | (position == 0 ? 0 : occupied[level] << (64 - position))
            let distance = UInt64(rotated.trailingZeroBitCount)
            let tick = ((current >> shift) + distance) << shift
            return max(tick, current + 1)
        }
        return nil
    }

    /// Moves on towards `tick` up to the next timer that is due and takes it out; nil when `tick` is reached. The
    /// caller may start and stop timers between two calls.
    mutating func popDue(upTo tick: UInt64) -> Payload? {
        while true {
            let slot = Int(current & 63)
            while heads[slot] >= 0 {
                let index = heads[slot]
                unlink(index)
                if let payload = release(index) { return payload }
            }
            guard let next = nextTick, next <= tick else {
                current = max(current, tick)
                return nil
            }
            current = next
            for level in (1..<Self.levelCount).reversed() where next & (1 << (Self.slotBits * UInt64(level)) - 1) == 0 {
                cascade(level)
            }
        }
    }

    private mutating func cascade(_ level: Int) {
        let slot = level * 64 + Int(current >> (Self.slotBits * UInt64(level)) & 63)
        var index = heads[slot]
        while index >= 0 {
            let next = entries[Int(index)].next
            unlink(index)
            link(index, noEarlierThan: current)
            index = next
        }
    }

    /// Puts an entry where its distance says. Only a cascade may use the slot of the current tick, which is emptied
    /// next.
    private mutating func link(_ index: Int32, noEarlierThan earliest: UInt64) {
        let deadline = min(max(entries[Int(index)].deadline, earliest), current + Self.spanMax)
        // The highest group of bits in which the deadline differs from now decides the level.
        let difference = (deadline ^ current) | 63
        let level = min(Self.levelCount - 1, (63 - difference.leadingZeroBitCount) / Int(Self.slotBits))
        let slot = level * 64 + Int(deadline >> (Self.slotBits * UInt64(level)) & 63)
        entries[Int(index)].slot = Int32(slot)
        entries[Int(index)].previous = -1
        entries[Int(index)].next = heads[slot]
        if heads[slot] >= 0 { entries[Int(heads[slot])].previous = index }
        heads[slot] = index
        occupied[level] |= 1 << UInt64(slot & 63)
    }

    private mutating func unlink(_ index: Int32) {
        let entry = entries[Int(index)]
        let slot = Int(entry.slot)
        if entry.previous >= 0 { entries[Int(entry.previous)].next = entry.next } else { heads[slot] = entry.next }
        if entry.next >= 0 { entries[Int(entry.next)].previous = entry.previous }
        if heads[slot] < 0 { occupied[slot / 64] &= ~(1 << UInt64(slot & 63)) }
    }

    private mutating func release(_ index: Int32) -> Payload? {
        let payload = entries[Int(index)].payload
        entries[Int(index)].payload = nil
        entries[Int(index)].next = freeHead
        freeHead = index
        count -= 1
        return payload
    }
}
