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

    @Test(arguments: [
        (ReconnectBackoff.Ending.notEstablished, 20), (.failed, 10), (.routine, 10), (.completed, 10),
    ]) func `after every kind of end there is a jitter of up to a quarter either way`(
        ending: ReconnectBackoff.Ending, milliseconds: Int
    ) {
        let span = Duration.milliseconds(milliseconds)
        let pauses = (0..<1024).map { random in
            var backoff = ReconnectBackoff()
            return backoff.pause(after: ending, random: UInt64(random))
        }
        let (least, most): (Duration, Duration) = (span * 3 / 4, span * 5 / 4)
        #expect(pauses.allSatisfy { $0 >= least && $0 <= most })
        #expect(Set(pauses).count == 1024)
        #expect(pauses.contains { $0 < span * 4 / 5 } && pauses.contains { $0 > span * 6 / 5 })
    }
}
