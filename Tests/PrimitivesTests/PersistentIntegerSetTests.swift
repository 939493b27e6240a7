import Primitives
import Testing

@Suite struct PersistentIntegerSetTests {
    private static func words(_ set: PersistentIntegerSet) -> [UInt64] {
        var words: [UInt64] = []
        var next: UInt64? = 0
        while let bound = next, let word = set.first(atLeast: bound) {
            words.append(word)
            next = word == .max ? nil : word + 1
        }
        return words
    }

    /// Words that lie close together, far apart, and in heaps.
    @Test(arguments: [0, 40, 63]) func `it behaves as a set does and no old version ever changes`(shift: UInt64) {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Draw(seed)
        var set = PersistentIntegerSet()
        var model: Set<UInt64> = []
        var retained: [(PersistentIntegerSet, Set<UInt64>)] = []
        for step in 0..<30_000 {
            let draw = random.next(upperBound: 6000 as UInt64)
            let word = (draw << shift) | (shift == 63 ? draw : 0)
            if random.next(upperBound: 100 as UInt64) < (step / 7500 % 2 == 0 ? 70 : 25) {
                #expect(set.insert(word) == model.insert(word).inserted, "seed \(seed)")
            } else {
                #expect(set.remove(word) == (model.remove(word) != nil), "seed \(seed)")
            }
            #expect(set.count == model.count, "seed \(seed)")
            if step % 1500 == 0 { retained.append((set, model)) }
        }
        retained.append((set, model))
        for (set, model) in retained {
            let sorted = model.sorted()
            #expect(Self.words(set) == sorted, "seed \(seed)")
            for _ in 0..<200 {
                let bound = random.next(upperBound: 6100 as UInt64) << shift
                #expect(set.first(atLeast: bound) == sorted.first { $0 >= bound }, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [false, true]) func `removing all words leaves the empty set`(isBackwards: Bool) {
        var set = PersistentIntegerSet()
        for word in (0..<20_000 as Range<UInt64>) { set.insert(word &* 0x9e37_79b9_7f4a_7c15) }
        set.insert(.max)
        #expect(set.count == 20_001)
        let all = Self.words(set)
        #expect(all.last == .max)
        for word in isBackwards ? all.reversed() : all { set.remove(word) }
        #expect(set.isEmpty)
        #expect(set.first(atLeast: 0) == nil)
        set.insert(7)
        #expect(Self.words(set) == [7])
    }
}
