import Primitives
import Testing

@testable import Tunnel

struct ReceivePaceTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    /// So many WINDOW_UPDATE frames, each in a record of its own, evenly over `span`.
    private func credit(_ count: Int, over span: Duration, to pace: inout ReceivePace) {
        for number in 0..<count { pace.took(35, 13, frames: 1, at: start + span * number / count) }
    }

    /// What one read brings of bulk.
    private func bulk(at now: Instant, to pace: inout ReceivePace) {
        pace.took(Limits.receiveByteCountMax, Limits.receiveByteCountMax - 400, frames: 1, at: now)
    }

    @Test func `bulk that follows the credit for seconds of bulk the other way is read in large pieces`() {
        var pace = ReceivePace()
        credit(4000, over: .seconds(2), to: &pace)
        bulk(at: start + .seconds(2), to: &pace)
        #expect(pace.sendsLarge)
    }

    @Test func `a flood of small frames is read in small pieces, and so is bulk for a while after it`() {
        var pace = ReceivePace()
        bulk(at: start, to: &pace)
        #expect(pace.sendsLarge)
        credit(4000, over: .milliseconds(50), to: &pace)
        #expect(!pace.sendsLarge)
        bulk(at: start + .seconds(5), to: &pace)
        #expect(!pace.sendsLarge)
        bulk(at: start + .seconds(11), to: &pace)
        #expect(pace.sendsLarge)
    }
}
