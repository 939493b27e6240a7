import Primitives
import Testing

struct QuietWatchTests {
    /// What is said of a process that has spent so many milliseconds at each look.
    private func answers(_ spent: [Int]) -> [Bool] {
        var watch = QuietWatch()
        return spent.map { watch.isQuietAgain(spent: .milliseconds($0)) }
    }

    @Test func `a process that has started gives memory back once it is quiet`() {
        #expect(answers([50, 90, 95, 96, 97]) == [false, false, true, false, false])
    }

    @Test func `a process gives memory back after each load and not during one`() {
        #expect(answers([0, 0, 400, 900, 901, 902]) == [false, true, false, false, true, false])
    }

    @Test func `little work gives nothing back until there was enough of it`() {
        #expect(answers([0, 0, 10, 20, 30, 40]) == [false, true, false, true, false, true])
    }

    @Test func `a quiet process gives memory back once a minute`() {
        let looks = answers([0] + Array(repeating: 0, count: 121))
        #expect(looks.indices.filter { looks[$0] } == [1, 61, 121])
    }
}
