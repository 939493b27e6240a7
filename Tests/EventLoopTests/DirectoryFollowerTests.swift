import EventLoop
import Glibc
import Primitives
import System
import Testing

@Suite struct DirectoryFollowerTests {
    @Test func `a burst of changes is one call`() throws {
        let path = "/tmp/culvert-test-\(String(Entropy.uint64(), radix: 16))"
        try FileSystem.makeDirectory(path, mode: 0o700)
        defer { _ = unsafe rmdir(path) }
        let loop = try EventLoop()
        var calls = 0
        let follower = try DirectoryFollower(
            path: path, loop: loop, settle: .milliseconds(20), interval: .seconds(60)
        ) { cause in if cause == .event { calls += 1 } }
        for name in ["a", "b", "c"] { try FileSystem.write([1], to: "\(path)/\(name)", mode: 0o644) }
        for _ in 0..<20 { loop.turn(waitingAtMost: .milliseconds(5)) }
        #expect(calls == 1)
        for name in ["a", "b", "c"] { try FileSystem.remove("\(path)/\(name)") }
        for _ in 0..<20 { loop.turn(waitingAtMost: .milliseconds(5)) }
        #expect(calls == 2)
        follower.stop()
    }

    @Test func `without any event it calls at its interval`() throws {
        let path = "/tmp/culvert-test-\(String(Entropy.uint64(), radix: 16))"
        try FileSystem.makeDirectory(path, mode: 0o700)
        defer { _ = unsafe rmdir(path) }
        let loop = try EventLoop()
        var calls = 0
        let follower = try DirectoryFollower(path: path, loop: loop, interval: .milliseconds(20)) { cause in
            if cause == .interval { calls += 1 }
        }
        let started = MonotonicClock.now()
        while MonotonicClock.now() - started < .milliseconds(200) { loop.turn(waitingAtMost: .milliseconds(5)) }
        #expect((3...10).contains(calls))
        follower.stop()
    }
}
