import Primitives
import Testing

@testable import Discovery

@Suite struct ReconnectBackoffTests {
    /// The pauses without jitter, in milliseconds, after a series of endings.
    private static func pauses(_ endings: [ReconnectBackoff.Ending]) -> [Int64] {
        var backoff = ReconnectBackoff()
        return endings.map { backoff.pause(after: $0, random: 512).wholeMilliseconds }
    }

    @Test func `without a connection the pause doubles up to fifteen seconds`() {
        let expected: [Int64] = [20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 15_000, 15_000]
        #expect(Self.pauses(Array(repeating: .notEstablished, count: 12)) == expected)
    }

    @Test func `after an error the pause begins small and doubles`() {
        #expect(Self.pauses([.failed, .failed, .failed]) == [10, 20, 40])
    }

    @Test func `a routine end and an ordinary one begin anew`() {
        #expect(Self.pauses([.failed, .failed, .routine, .failed]) == [10, 20, 10, 10])
        #expect(Self.pauses([.notEstablished, .completed, .notEstablished]) == [20, 10, 20])
    }

    @Test func `a stream that lasted makes up for the failures before it`() {
        var backoff = ReconnectBackoff()
        for _ in 0..<8 { _ = backoff.pause(after: .notEstablished, random: 512) }
        #expect(backoff.pause(after: .failed, lasted: .milliseconds(900), random: 512) == .milliseconds(2560))
        #expect(backoff.pause(after: .failed, lasted: .seconds(5), random: 512) == .milliseconds(10))
    }

    @Test func `the jitter stays within a quarter either way`() {
        for random in 0..<1024 {
            var backoff = ReconnectBackoff()
            let pause = backoff.pause(after: .notEstablished, random: UInt64(random))
            #expect((Duration.milliseconds(15)...Duration.milliseconds(25)).contains(pause))
        }
    }
}
