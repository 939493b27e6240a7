import Primitives
import Testing

struct GrowthWatchTests {
    /// What is said of a process that holds so many MiB at each look.
    private func answers(_ held: [Int]) -> [Bool] {
        var watch = GrowthWatch()
        return held.map { watch.hasGrown(to: $0 << 20) }
    }

    @Test func `a process gives memory back when it holds more than it once did with`() {
        #expect(answers([5, 6, 6, 7, 5, 6, 8]) == [false, false, false, true, false, false, true])
    }

    @Test func `what a process needs is not asked back again`() {
        #expect(answers([5, 16, 16, 16, 17, 16]) == [false, true, false, false, false, false])
    }

    @Test func `a large process gives back what is a quarter of it`() {
        #expect(answers([200, 220, 249, 250, 205, 250, 257]) == [false, false, false, true, false, false, true])
    }

    @Test func `memory that was given back by itself is missed when it comes again`() {
        #expect(answers([16, 5, 6, 7]) == [false, false, false, true])
    }
}
