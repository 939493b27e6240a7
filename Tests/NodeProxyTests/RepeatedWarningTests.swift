import Primitives
import Testing
@testable import NodeProxy

struct RepeatedWarningTests {
    @Test func `a warning is logged once in a while, with how often it was not`() {
        var warning = RepeatedWarning()
        let start = Instant(nanoseconds: 1_000_000_000)
        #expect(warning.take(at: start) == 0)
        for _ in 0..<5 { #expect(warning.take(at: start + .seconds(9)) == nil) }
        #expect(warning.take(at: start + Limits.repeatedWarningInterval) == 5)
        #expect(warning.take(at: start + .seconds(11)) == nil)
        #expect(warning.take(at: start + .seconds(30)) == 1)
    }
}
