import Primitives
import Testing

@testable import Resolver

@Suite struct ResolutionCacheTests {
    private static func at(_ seconds: UInt64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    @Test func `an outcome is known until its time has come and never after`() {
        var cache = ResolutionCache(countMax: 10)
        cache.insert(.success([]), for: "a", until: Self.at(20), at: Self.at(10))
        cache.insert(.failure(.noServer), for: "b", until: Self.at(10), at: Self.at(10))
        #expect(cache.outcome(of: "a", at: Self.at(19)) == .success([]))
        #expect(cache.outcome(of: "a", at: Self.at(20)) == nil)
        #expect(cache.outcome(of: "b", at: Self.at(10)) == nil)
        #expect(cache.count == 0)
    }

    @Test func `the oldest make room and a name that comes again is not old`() {
        var cache = ResolutionCache(countMax: 3)
        for name in ["a", "b", "c", "a", "d"] {
            cache.insert(.success([]), for: name, until: Self.at(99), at: Self.at(1))
        }
        #expect(cache.outcome(of: "b", at: Self.at(2)) == nil)
        for name in ["a", "c", "d"] { #expect(cache.outcome(of: name, at: Self.at(2)) == .success([])) }
    }

    @Test func `it holds no more than it may whatever comes`() {
        var cache = ResolutionCache(countMax: 50)
        for round in 0..<10_000 {
            cache.insert(.success([]), for: "\(round % 60)", until: Self.at(99), at: Self.at(1))
            cache.insert(.success([]), for: "again", until: Self.at(99), at: Self.at(1))
            #expect(cache.count <= 50 && cache.placeCount <= 150)
        }
    }
}
