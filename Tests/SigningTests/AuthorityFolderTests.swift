import Primitives
import Signing
import System
import TLS
import Testing

/// A folder that is removed with the test.
final class StateFolder {
    let path = "/tmp/culvert-test-\(String(Entropy.uint64(), radix: 16))"

    deinit {
        for folder in ["\(path)/tokens", path] {
            for name in (try? FileSystem.entries(of: folder)) ?? [] { try? FileSystem.remove("\(folder)/\(name)") }
            try? FileSystem.removeDirectory(folder)
        }
    }
}

let now = WallTime(seconds: 1_800_000_000)

@Suite struct AuthorityFolderTests {
    let state = StateFolder()

    @Test func `the root is made once and found again`() throws {
        let folder = AuthorityFolder(path: state.path)
        let first = try folder.open(organization: "cluster.local", now: now)
        let second = try folder.open(organization: "cluster.local", now: now)
        #expect(first.facts == second.facts)
        #expect(first.facts.isAuthority)
        #expect(try FileSystem.read(folder.rootPath) == first.facts.pem)
        #expect(try FileSystem.status(of: "\(state.path)/root-key.pem")?.mode == 0o600)
    }

    @Test func `a key that others may read is refused`() throws {
        let folder = AuthorityFolder(path: state.path)
        _ = try folder.open(organization: "cluster.local", now: now)
        let key = "\(state.path)/root-key.pem"
        try FileSystem.write(try FileSystem.read(key), to: key, mode: 0o644)
        #expect(throws: AuthorityFailure.self) { _ = try folder.open(organization: "cluster.local", now: now) }
    }

    @Test func `a lost key is an error and no reason for a new root`() throws {
        let folder = AuthorityFolder(path: state.path)
        let root = try folder.open(organization: "cluster.local", now: now).facts.pem
        try FileSystem.remove("\(state.path)/root-key.pem")
        #expect(throws: AuthorityFailure.self) { _ = try folder.open(organization: "cluster.local", now: now) }
        #expect(try FileSystem.read(folder.rootPath) == root)
    }
}
