import Testing

@testable import NodeProxy

@Suite struct ConnectAttemptsTests {
    @Test func `endpoints that fail are avoided, and three are enough`() {
        var attempts = ConnectAttempts()
        let areAllowed = ["a", "b", "c"].map { attempts.note(.endpoint, at: $0, "\($0) is gone", .connect) }
        #expect(areAllowed == [true, true, false])
        #expect(attempts.failed == ["a", "b", "c"] && attempts.reason == "c is gone" && attempts.flag == .connect)
    }

    @Test func `a tunnel that is lost costs a workload an attempt only when it is lost again`() {
        var attempts = ConnectAttempts()
        let setbacks: [(ConnectAttempts.Setback, String)] = [
            (.tunnel, "a"), (.endpoint, "a"), (.tunnel, "b"), (.endpoint, "b"), (.tunnel, "c"), (.tunnel, "c"),
        ]
        let areAllowed = setbacks.map { attempts.note($0, at: $1, nil, nil) }
        #expect(areAllowed == [true, true, true, true, true, false])
        #expect(attempts.failed == ["a", "b"])
    }
}
