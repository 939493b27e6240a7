import Primitives
import Testing

/// A key whose hash has as many bits as one likes, so that collisions of every depth occur.
private struct Key: Hashable, Sendable {
    var number: UInt64
    var hashBits: UInt64

    func hash(into hasher: inout Hasher) { hasher.combine(number & hashBits) }
}

@Suite struct PersistentMapTests {
    @Test(arguments: [UInt64.max, 0xff, 3, 0])
    func `it behaves as a dictionary does and no old version ever changes`(hashBits: UInt64) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Draw(seed)
        var map = PersistentMap<Key, Int>()
        var model: [Key: Int] = [:]
        var retained: [(PersistentMap<Key, Int>, [Key: Int])] = []
        let keyCount: UInt64 = hashBits == 0 ? 40 : 700
        for step in 0..<6000 {
            let key = Key(number: random.next(upperBound: keyCount), hashBits: hashBits)
            if random.next(upperBound: UInt64(100)) < (step / 1500 % 2 == 0 ? 70 : 30) {
                #expect(map.updateValue(step, forKey: key) == model.updateValue(step, forKey: key), "seed \(seed)")
            } else {
                #expect(map.removeValue(forKey: key) == model.removeValue(forKey: key), "seed \(seed)")
            }
            #expect(map.count == model.count, "seed \(seed)")
            if step % 500 == 0 { retained.append((map, model)) }
        }
        retained.append((map, model))
        for (map, model) in retained {
            #expect(map.count == model.count, "seed \(seed)")
            #expect(Dictionary(uniqueKeysWithValues: map.map { ($0.key, $0.value) }) == model, "seed \(seed)")
            for (key, value) in model { #expect(map[key] == value, "seed \(seed)") }
            let byOffset = (0..<map.count).map { map.element(atOffset: $0).key }
            #expect(byOffset == map.map(\.key), "seed \(seed)")
        }
    }

    @Test func `removing all entries leaves the empty map`() {
        var map = PersistentMap((0..<5000).map { ($0, $0) })
        #expect(map.count == 5000)
        for key in 0..<5000 { map[key] = nil }
        #expect(map.isEmpty)
        #expect(map == PersistentMap())
        #expect(map.next(after: 0) == nil)
    }

    @Test func `maps with the same entries are equal whatever their history`() {
        var a: PersistentMap = [1: "one", 2: "two"]
        let b: PersistentMap = [2: "two", 1: "one"]
        #expect(a == b)
        a[3] = "three"
        #expect(a != b)
        a[3] = nil
        #expect(a == b)
    }

    @Test func `a thousand versions of a large map are made without copying it`() {
        let clock = ContinuousClock()
        var map = PersistentMap((0..<100_000).map { ("key-\($0)", $0) })
        var versions: [PersistentMap<String, Int>] = []
        let span = clock.measure {
            for key in 0..<1000 {
                versions.append(map)
                map["key-\(key)"] = -key
            }
        }
        // Copying the whole map each time would take minutes.
        #expect(span < .seconds(5))
        #expect(versions[500]["key-400"] == -400)
        #expect(versions[500]["key-500"] == 500)
    }
}

extension PersistentMap {
    fileprivate func next(after count: Int) -> Element? { dropFirst(count).first { _ in true } }
}
