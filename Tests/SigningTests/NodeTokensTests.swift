import Primitives
import Signing
import System
import Testing

@Suite struct NodeTokensTests {
    let state = StateFolder()

    private func time(_ seconds: UInt64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    private func token(_ node: String) throws -> String {
        String(decoding: try FileSystem.read("\(state.path)/tokens/\(node)"), as: UTF8.self).filter { !$0.isWhitespace }
    }

    @Test func `each node has a token of its own that stays`() throws {
        let tokens = NodeTokens(path: "\(state.path)/tokens")
        try tokens.ensure(["one", "two"])
        let one = try token("one")
        #expect(try one != token("two"))
        #expect(one.count == 64)
        try tokens.ensure(["one", "three"])
        #expect(try token("one") == one)
        #expect(tokens.node(for: one, now: time(1)) == "one")
        #expect(tokens.node(for: try token("three"), now: time(1)) == "three")
        #expect(tokens.node(for: "something else entirely", now: time(1)) == nil)
        #expect(try FileSystem.status(of: "\(state.path)/tokens/one")?.mode == 0o600)
    }

    @Test func `a token that is replaced counts and the old one no more`() throws {
        let tokens = NodeTokens(path: "\(state.path)/tokens")
        try tokens.ensure(["one"])
        let old = try token("one")
        try FileSystem.write(Array("0123456789abcdef".utf8), to: "\(state.path)/tokens/one", mode: 0o600)
        #expect(tokens.node(for: "0123456789abcdef", now: time(5)) == "one")
        #expect(tokens.node(for: old, now: time(7)) == nil)
    }

    @Test func `an empty or short token lets nobody in`() throws {
        let tokens = NodeTokens(path: "\(state.path)/tokens")
        try tokens.ensure(["one"])
        for text in ["", "\n", "short"] {
            try FileSystem.write(Array(text.utf8), to: "\(state.path)/tokens/one", mode: 0o600)
            try tokens.ensure([])
            #expect(tokens.node(for: text, now: time(5)) == nil)
            #expect(tokens.node(for: "", now: time(9)) == nil)
        }
    }

    @Test func `a name that would leave the folder makes no file`() throws {
        let tokens = NodeTokens(path: "\(state.path)/tokens")
        try tokens.ensure(["../escaped", "", ".hidden", "UPPER", "a/b", "ok.example"])
        #expect(try FileSystem.entries(of: "\(state.path)/tokens") == ["ok.example"])
        #expect(try FileSystem.entries(of: state.path) == ["tokens"])
    }
}
