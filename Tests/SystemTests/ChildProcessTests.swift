import Primitives
import System
import Testing

@Suite struct ChildProcessTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func `a child reads its input and both its streams are kept`() throws {
        let result = try ChildProcess.run(["sh", "-c", "cat; echo trouble >&2; exit 3"], input: Array("hello\n".utf8))
        #expect(result.status == .exited(3))
        #expect(text(result.output) == "hello\n")
        #expect(text(result.errors) == "trouble\n")
    }

    @Test func `input larger than any pipe passes`() throws {
        let input = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(try ChildProcess.run(["cat"], input: input).output == input)
    }

    @Test func `a child that writes too much fails and what it wrote is bounded`() throws {
        let result = try ChildProcess.run(["sh", "-c", "yes 2>/dev/null"])
        #expect(!result.status.isSuccess)
        #expect(result.output.count <= Limits.childOutputByteCountMax)
    }

    @Test func `a missing program is an error of its own`() {
        #expect(throws: Errno.noEntry) { try ChildProcess.run(["/no/such/program"]) }
    }

    @Test func `a child that takes too long is killed`() {
        #expect(throws: Errno.timedOut) { try ChildProcess.run(["sleep", "60"], limit: .milliseconds(50)) }
    }

    @Test func `a child inherits no descriptor and no blocked or ignored signal`() throws {
        let other = try SequencedPacketSocket.listen(path: "/tmp/culvert-child-\(Entropy.uint64()).sock")
        let script = "ls /proc/$$/fd | tr '\\n' ' '; grep -E 'SigBlk|SigIgn' /proc/self/status"
        let result = try ChildProcess.run(["sh", "-c", script])
        let lines = text(result.output)
        #expect(lines.hasPrefix("0 1 2 "))
        #expect(!lines.contains(" \(other.raw) "))
        #expect(lines.contains("SigBlk:\t0000000000000000") && lines.contains("SigIgn:\t0000000000000000"), "\(lines)")
    }

    @Test func `stop ends a child that listens and one that does not`() throws {
        var options = ChildProcess.Options()
        options.output = .null
        let polite = try ChildProcess.spawn(["sleep", "60"], options: options)
        #expect(try polite.stop() == .signalled(15))
        #expect(try polite.wait(atMost: .zero) == .signalled(15))
        let script = "trap '' TERM; while :; do sleep 1; done"
        let deaf = try ChildProcess.spawn(["sh", "-c", script], options: options)
        // The trap has to be set before the signal comes.
        _ = try deaf.wait(atMost: .milliseconds(300))
        #expect(try deaf.stop(within: .milliseconds(100)) == .signalled(9))
    }

    @Test func `the environment is ours unless another is given`() throws {
        #expect(try text(ChildProcess.run(["sh", "-c", "echo $PATH"]).output).count > 1)
        #expect(try text(ChildProcess.run(["/bin/sh", "-c", "echo $A"], environment: ["A=b"]).output) == "b\n")
    }

    @Test func `output can be appended to a file`() throws {
        let path = "/tmp/culvert-append-\(Entropy.uint64())"
        var options = ChildProcess.Options()
        options.output = .appending(path: path)
        for word in ["one", "two"] {
            _ = try ChildProcess.spawn(["echo", word], options: options).wait(atMost: .seconds(5))
        }
        #expect(try text(ChildProcess.run(["cat", path]).output) == "one\ntwo\n")
        _ = try ChildProcess.run(["rm", path])
    }
}
