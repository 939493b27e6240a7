import Primitives
import Testing
@testable import Tunnel

struct StreamWindowTests {
    private let start = Instant(nanoseconds: 1_000_000_000)
    private let largest = Limits.streamWindowByteCountMax

    @Test func `a window that is passed on quickly in large pieces makes bulk of the stream and grows`() {
        var window = StreamWindow(65_536, at: start)
        var isDue = window.passed(32_768, keepsUp: true, at: start + .milliseconds(10))
        #expect(!isDue)
        #expect(!window.isBulk(at: start + .milliseconds(10)))
        isDue = window.passed(32_768, keepsUp: true, at: start + .milliseconds(20))
        #expect(isDue)
        #expect(window.isBulk(at: start + .milliseconds(200)))
        #expect(!window.isBulk(at: start + .milliseconds(300)))
        #expect(window.next(ceiling: largest, allowance: largest) == 262_144)
        window.resize(to: 2 << 20)
        #expect(window.growth == (2 << 20) - 65_536)
        #expect(window.next(ceiling: largest, allowance: largest) == largest)
    }

    @Test func `neither slow streams, nor short messages, nor readers that lag grow`() {
        var slow = StreamWindow(65_536, at: start)
        var outcomes = [slow.passed(65_536, keepsUp: true, at: start + .milliseconds(300))]
        var short = StreamWindow(65_536, at: start)
        for _ in 0..<1024 { outcomes.append(short.passed(64, keepsUp: true, at: start)) }
        var lagging = StreamWindow(65_536, at: start)
        for _ in 0..<8 { outcomes.append(lagging.passed(30_000, keepsUp: false, at: start)) }
        #expect(!outcomes.contains(true))
        for window in [slow, short, lagging] { #expect(!window.isBulk(at: start)) }
    }

    @Test func `a window stays within what is allowed, and shrinks to its ceiling at once`() {
        var window = StreamWindow(65_536, at: start)
        #expect(window.next(ceiling: largest, allowance: 1000) == 66_536)
        #expect(window.next(ceiling: largest, allowance: -5) == 65_536)
        window.resize(to: largest)
        #expect(window.next(ceiling: 100_000, allowance: 0) == 100_000)
        #expect(window.next(ceiling: 0, allowance: 0) == Limits.latencyWindowByteCountMin)
        window.resize(to: Limits.latencyWindowByteCountMin)
        #expect(window.growth == 0)
        #expect(window.next(ceiling: largest, allowance: largest) == 4 * Limits.latencyWindowByteCountMin)
    }
}
