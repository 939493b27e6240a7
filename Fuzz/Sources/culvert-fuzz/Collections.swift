import Primitives

/// A key whose hash has few values, so that collisions of every depth occur.
private struct CollidingKey: Hashable, Sendable {
    var number: UInt8
    var hashMask: UInt8

    func hash(into hasher: inout Hasher) { hasher.combine(number & hashMask) }
}

extension FuzzTarget {
    /// A persistent map does what a dictionary does, and an old version never changes.
    static let persistentMap = FuzzTarget("persistent-map") { bytes in
        var choices = Choices(bytes)
        let mask = choices.pick([0xff, 0x0f, 0x03, 0x00] as [UInt8])
        var map = PersistentMap<CollidingKey, Int>()
        var model: [CollidingKey: Int] = [:]
        var versions: [(map: PersistentMap<CollidingKey, Int>, model: [CollidingKey: Int])] = []
        var step = 0
        while !choices.isExhausted {
            step += 1
            let operation = choices.byte()
            let key = CollidingKey(number: choices.byte(), hashMask: mask)
            switch operation % 8 {
            case 0...3: check(map.updateValue(step, forKey: key) == model.updateValue(step, forKey: key), "update")
            case 4...6: check(map.removeValue(forKey: key) == model.removeValue(forKey: key), "remove")
            default: if versions.count < 8 { versions.append((map, model)) }
            }
            check(map.count == model.count && map[key] == model[key], "count and value")
        }
        versions.append((map, model))
        for (map, model) in versions {
            check(Dictionary(uniqueKeysWithValues: map.map { ($0.key, $0.value) }) == model, "iteration")
            check((0..<map.count).map { map.element(atOffset: $0).key } == map.map(\.key), "offsets")
            check(model.allSatisfy { map[$0.key] == $0.value }, "an old version stays")
            check(map == PersistentMap(model.map { ($0.key, $0.value) }), "equal entries, equal maps")
        }
    }

    /// A queue of bytes gives back what was put in, in order, and holds no large block while it is empty.
    static let byteQueue = FuzzTarget("byte-queue") { bytes in
        var choices = Choices(bytes)
        var queue = ByteQueue()
        var model: [UInt8] = []
        var next: UInt8 = 0
        while !choices.isExhausted {
            let operation = choices.byte() % 8
            let size = choices.oneIn(3) ? choices.below(20_000) : choices.below(200)
            let piece = (0..<size).map { UInt8(truncatingIfNeeded: $0) &+ next }
            next &+= 1
            switch operation {
            case 0, 1:
                piece.withUnsafeBytes { queue.append($0) }
                model += piece
            case 2:
                let room = queue.reserve(size)
                check(room.count >= size, "there is the room that was asked for")
                let filled = min(size, choices.below(20_000))
                room.copyBytes(from: piece.prefix(filled))
                queue.commit(filled)
                model += piece.prefix(filled)
            case 3, 4:
                let taken = min(size, queue.count)
                queue.consume(taken)
                model.removeFirst(taken)
                if queue.isEmpty { check(queue.capacity <= ByteQueue.retainedByteCountMax, "an empty queue is small") }
            case 5:
                let taken = min(size, queue.count)
                queue.advance(taken)
                model.removeFirst(taken)
            case 6 where choices.oneIn(4): (queue.reset(), model = []).1
            case 7 where choices.oneIn(4):
                queue.release()
                model = []
                check(queue.capacity == 0, "a released queue holds nothing")
            default: continue
            }
            check(queue.count == model.count && queue.isEmpty == model.isEmpty, "count")
            check(queue.readable.elementsEqual(model), "content")
            check(queue.capacity >= queue.count, "capacity")
        }
    }
}
