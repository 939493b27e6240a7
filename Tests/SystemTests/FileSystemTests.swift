import Glibc
import System
import Testing

/// A directory that is removed at the end of a test.
final class TemporaryDirectory {
    let path = "/tmp/culvert-test-\(String(Entropy.uint64(), radix: 16))"

    init() throws { try FileSystem.makeDirectory(path, mode: 0o700) }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { return }
        if found.st_mode & S_IFMT == S_IFDIR {
            for name in (try? FileSystem.entries(of: path)) ?? [] { remove("\(path)/\(name)") }
            _ = unsafe rmdir(path)
        } else {
            _ = unsafe unlink(path)
        }
    }
}

@Suite struct FileSystemTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func `a written file reads back with the mode that was asked for`() throws {
        let path = "\(directory.path)/key"
        try FileSystem.write(Array("secret".utf8), to: path, mode: 0o600)
        #expect(try FileSystem.read(path) == Array("secret".utf8))
        #expect(try FileSystem.status(of: path)?.mode == 0o600)
        #expect(try FileSystem.entries(of: directory.path) == ["key"])
    }

    @Test func `writing replaces the file and leaves an open one as it was`() throws {
        let path = "\(directory.path)/file"
        try FileSystem.write([1], to: path, mode: 0o644)
        let before = try #require(try FileSystem.status(of: path))
        try FileSystem.write([2], to: path, mode: 0o644)
        let after = try #require(try FileSystem.status(of: path))
        #expect(before.inode != after.inode)
        #expect(try FileSystem.read(path) == [2])
    }

    @Test func `a file beyond the limit is refused`() throws {
        let path = "\(directory.path)/file"
        try FileSystem.write([1, 2, 3], to: path, mode: 0o644)
        #expect(throws: Errno(EFBIG)) { _ = try FileSystem.read(path, byteCountMax: 2) }
        #expect(try FileSystem.read(path, byteCountMax: 3).count == 3)
    }

    @Test func `a missing file is no entry, and its status nil`() throws {
        #expect(throws: Errno.noEntry) { _ = try FileSystem.read("\(directory.path)/none") }
        #expect(try FileSystem.status(of: "\(directory.path)/none") == nil)
    }

    @Test func `a FIFO without a writer reads as empty at once`() throws {
        let path = "\(directory.path)/fifo"
        #expect(unsafe mkfifo(path, 0o600) == 0)
        #expect(try FileSystem.read(path) == [])
    }

    @Test func `directories are made with those above them, and making them again is fine`() throws {
        let path = "\(directory.path)/a/b/c"
        try FileSystem.makeDirectory(path, mode: 0o700)
        try FileSystem.makeDirectory(path, mode: 0o700)
        #expect(try FileSystem.status(of: path)?.kind == .directory)
    }
}

@Suite struct DirectoryWatcherTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func `a quiet directory tells nothing`() throws {
        let watcher = try DirectoryWatcher(path: directory.path)
        #expect(try !watcher.drain())
    }

    @Test func `a written and a removed file are each told once`() throws {
        let watcher = try DirectoryWatcher(path: directory.path)
        try FileSystem.write([1], to: "\(directory.path)/file", mode: 0o644)
        #expect(try watcher.drain())
        #expect(try !watcher.drain())
        try FileSystem.remove("\(directory.path)/file")
        #expect(try watcher.drain())
    }

    @Test func `what happens beside the directory is not told`() throws {
        let path = "\(directory.path)/watched"
        try FileSystem.makeDirectory(path, mode: 0o700)
        let watcher = try DirectoryWatcher(path: path)
        try FileSystem.write([1], to: "\(directory.path)/beside", mode: 0o644)
        #expect(try !watcher.drain())
    }

    @Test func `after a symbolic link is swapped the new directory is watched`() throws {
        let link = "\(directory.path)/current"
        for name in ["one", "two"] { try FileSystem.makeDirectory("\(directory.path)/\(name)", mode: 0o700) }
        #expect(unsafe symlink("one", link) == 0)
        let watcher = try DirectoryWatcher(path: link)
        #expect(unsafe symlink("two", "\(directory.path)/next") == 0)
        #expect(unsafe rename("\(directory.path)/next", link) == 0)
        #expect(try watcher.drain())
        try FileSystem.write([1], to: "\(directory.path)/two/file", mode: 0o644)
        #expect(try watcher.drain())
    }

    @Test func `a directory made after the watch began is watched`() throws {
        let path = "\(directory.path)/later"
        let watcher = try DirectoryWatcher(path: path)
        try FileSystem.makeDirectory(path, mode: 0o700)
        #expect(try watcher.drain())
        try FileSystem.write([1], to: "\(path)/file", mode: 0o644)
        #expect(try watcher.drain())
    }
}
