/// A branch of a `PersistentMap`. Sharing and in-place change are those of the array it holds: a branch is copied when
/// another version holds it too, and on no other occasion.
///
/// Each level looks at five bits of the hash. Below the last level all hashes are equal, and the slots are a plain
/// list. A branch other than the root holds at least two entries, so that equal contents mean equal shape.
@usableFromInline struct PersistentMapNode<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline enum Slot: Sendable {
        case entry(Key, Value)
        case branch(PersistentMapNode)
    }

    /// One bit for each slot that is in use, ordered as `slots`; unused in a list.
    @usableFromInline var occupied: UInt32 = 0
    @usableFromInline var entryCount: UInt32 = 0
    @usableFromInline var slots: [Slot] = []

    @inlinable init() {}

    /// The branch that tells two entries with different keys apart.
    @inlinable init(
        _ a: (key: Key, value: Value), hash aHash: UInt, _ b: (key: Key, value: Value), hash bHash: UInt, shift: Int
    ) {
        entryCount = 2
        if shift >= UInt.bitWidth {
            slots = [.entry(a.key, a.value), .entry(b.key, b.value)]
            return
        }
        let (aBit, bBit) = (Self.bit(aHash, shift), Self.bit(bHash, shift))
        occupied = aBit | bBit
        if aBit == bBit {
            slots = [.branch(PersistentMapNode(a, hash: aHash, b, hash: bHash, shift: shift + 5))]
        } else if aBit < bBit {
            slots = [.entry(a.key, a.value), .entry(b.key, b.value)]
        } else {
            slots = [.entry(b.key, b.value), .entry(a.key, a.value)]
        }
    }

    @inlinable var count: Int { Int(entryCount) }

    @inlinable static func bit(_ hash: UInt, _ shift: Int) -> UInt32 { 1 << UInt32((hash >> UInt(shift)) & 31) }

    /// The index of the slot for `bit`, or the one at which to insert it.
    @inlinable func rank(of bit: UInt32) -> Int { (occupied & (bit &- 1)).nonzeroBitCount }

    @inlinable func value(forKey key: Key, hash: UInt, shift: Int) -> Value? {
        guard shift < UInt.bitWidth else { return listIndex(of: key).flatMap { entry(at: $0)?.value } }
        let bit = Self.bit(hash, shift)
        guard occupied & bit != 0 else { return nil }
        switch slots[rank(of: bit)] {
        case .entry(let found, let value): return found == key ? value : nil
        case .branch(let child): return child.value(forKey: key, hash: hash, shift: shift + 5)
        }
    }

    @inlinable mutating func updateValue(_ value: Value, forKey key: Key, hash: UInt, shift: Int) -> Value? {
        guard shift < UInt.bitWidth else { return updateList(value, forKey: key) }
        let bit = Self.bit(hash, shift)
        let index = rank(of: bit)
        guard occupied & bit != 0 else {
            slots.insert(.entry(key, value), at: index)
            occupied |= bit
            entryCount += 1
            return nil
        }
        switch slots[index] {
        case .entry(let found, let old):
            if found == key {
                slots[index] = .entry(key, value)
                return old
            }
            let foundHash = UInt(bitPattern: found.hashValue)
            slots[index] = .branch(
                PersistentMapNode((found, old), hash: foundHash, (key, value), hash: hash, shift: shift + 5))
            entryCount += 1
            return nil
        case .branch(var child):
            // Taken out of the slot while it changes, so that it is held once.
            slots[index] = .branch(PersistentMapNode())
            let old = child.updateValue(value, forKey: key, hash: hash, shift: shift + 5)
            slots[index] = .branch(child)
            if old == nil { entryCount += 1 }
            return old
        }
    }

    @inlinable mutating func removeValue(forKey key: Key, hash: UInt, shift: Int) -> Value? {
        guard shift < UInt.bitWidth else { return removeFromList(key) }
        let bit = Self.bit(hash, shift)
        guard occupied & bit != 0 else { return nil }
        let index = rank(of: bit)
        switch slots[index] {
        case .entry(let found, let old):
            guard found == key else { return nil }
            slots.remove(at: index)
            occupied &= ~bit
            entryCount -= 1
            return old
        case .branch(var child):
            slots[index] = .branch(PersistentMapNode())
            let old = child.removeValue(forKey: key, hash: hash, shift: shift + 5)
            if child.count == 1, let last = child.entry(at: 0) {
                slots[index] = .entry(last.key, last.value)
            } else {
                slots[index] = .branch(child)
            }
            if old != nil { entryCount -= 1 }
            return old
        }
    }

    @inlinable func element(atOffset offset: Int) -> (key: Key, value: Value) {
        var remaining = offset
        for slot in slots {
            switch slot {
            case .entry(let key, let value):
                if remaining == 0 { return (key, value) }
                remaining -= 1
            case .branch(let child):
                if remaining < child.count { return child.element(atOffset: remaining) }
                remaining -= child.count
            }
        }
        preconditionFailure("an offset within the count leads to an entry")
    }

    /// The entry in a slot that is not a branch.
    @inlinable func entry(at index: Int) -> (key: Key, value: Value)? {
        if case .entry(let key, let value) = slots[index] { (key, value) } else { nil }
    }

    @inlinable func listIndex(of key: Key) -> Int? { slots.indices.first { entry(at: $0)?.key == key } }

    @inlinable mutating func updateList(_ value: Value, forKey key: Key) -> Value? {
        guard let index = listIndex(of: key) else {
            slots.append(.entry(key, value))
            entryCount += 1
            return nil
        }
        let old = entry(at: index)?.value
        slots[index] = .entry(key, value)
        return old
    }

    @inlinable mutating func removeFromList(_ key: Key) -> Value? {
        guard let index = listIndex(of: key) else { return nil }
        let old = entry(at: index)?.value
        slots.remove(at: index)
        entryCount -= 1
        return old
    }
}
