import CLinux
public import Primitives

/// Whole files and directories by path. Everything here may block on the disk: for start-up and control loops only.
public enum FileSystem {
    /// What a path leads to, symbolic links followed.
    public struct Status: Hashable, Sendable {
        /// What stands at the path.
        public enum Kind: Hashable, Sendable { case file, directory, other }
        public var kind: Kind
        public var byteCount: Int
        /// The permission bits, such as 0o600.
        public var mode: UInt32
        public var device: UInt64
        public var inode: UInt64
        public var modified: WallTimeStamp
    }

    /// A file time as the kernel keeps it, for comparison only.
    public struct WallTimeStamp: Hashable, Sendable {
        public var seconds: Int
        public var nanoseconds: Int
    }

    /// The whole content of a file; `EFBIG` when it exceeds `byteCountMax`.
    public static func read(
        _ path: String, byteCountMax: Int = Limits.fileByteCountMax
    ) throws(Errno) -> [UInt8] {
        // Without O_NONBLOCK a FIFO in the folder would hold the loop up.
        let raw = unsafe culvert_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0)
        guard raw >= 0 else { throw Errno.current }
        let descriptor = OwnedDescriptor(adopting: raw)
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            guard case .bytes(let count) = try readChunk(descriptor, &chunk) else { return content }
            guard content.count + count <= byteCountMax else { throw Errno(EFBIG) }
            content.append(contentsOf: chunk[..<count])
        }
    }

    /// Replaces a file, or makes it: readers see the old content or the new one, also after a crash.
    public static func write(_ content: [UInt8], to path: String, mode: UInt32) throws(Errno) {
        let temporary = "\(path).\(String(Entropy.uint64(), radix: 16)).tmp"
        let raw = unsafe culvert_open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard raw >= 0 else { throw Errno.current }
        let descriptor = OwnedDescriptor(adopting: raw)
        do {
            // The umask must not widen or narrow what was asked for.
            try check(fchmod(descriptor.raw, mode))
            try writeAll(content, to: descriptor)
            try check(fsync(descriptor.raw))
            try check(unsafe rename(temporary, path))
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        try synchronizeDirectory(of: path)
    }

    /// The names in a directory, sorted, without `.` and `..`.
    public static func entries(of path: String) throws(Errno) -> [String] {
        guard let stream = unsafe opendir(path) else { throw Errno.current }
        defer { _ = unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// What `path` leads to; nil when there is nothing.
    public static func status(of path: String) throws(Errno) -> Status? {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else {
            let failure = Errno.current
            if failure == .noEntry { return nil }
            throw failure
        }
        let kind: Status.Kind =
            switch found.st_mode & UInt32(S_IFMT) {
            case UInt32(S_IFREG): .file
            case UInt32(S_IFDIR): .directory
            default: .other
            }
        return Status(
            kind: kind, byteCount: Int(found.st_size), mode: found.st_mode & 0o7777, device: UInt64(found.st_dev),
            inode: UInt64(found.st_ino),
            modified: WallTimeStamp(seconds: Int(found.st_mtim.tv_sec), nanoseconds: Int(found.st_mtim.tv_nsec)))
    }

    /// Makes a directory and those above it; content with what is there already.
    public static func makeDirectory(_ path: String, mode: UInt32) throws(Errno) {
        if unsafe mkdir(path, mode) == 0 { return }
        let failure = Errno.current
        if failure == .exists { return }
        guard failure == .noEntry, let parent = parent(of: path), parent != path else { throw failure }
        try makeDirectory(parent, mode: mode)
        if unsafe mkdir(path, mode) != 0, culvert_errno() != EEXIST { throw Errno.current }
    }

    /// Removes a file.
    public static func remove(_ path: String) throws(Errno) { try check(unsafe unlink(path)) }

    /// Removes an empty directory.
    public static func removeDirectory(_ path: String) throws(Errno) { try check(unsafe rmdir(path)) }

    /// The directory that holds the last component of `path`, `.` for a path without any.
    public static func parent(of path: String) -> String? {
        var text = path[...]
        while text.count > 1, text.last == "/" { text.removeLast() }
        guard let slash = text.lastIndex(of: "/") else { return "." }
        return slash == text.startIndex ? "/" : String(text[..<slash])
    }

    private static func readChunk(
        _ descriptor: borrowing OwnedDescriptor, _ chunk: inout [UInt8]
    ) throws(Errno) -> IOOutcome {
        let raw = descriptor.raw
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe CLinux.read(raw, $0.baseAddress, $0.count) }
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream }
            let failure = Errno.current
            if failure != .interrupted { throw failure }
        }
    }

    private static func writeAll(_ content: [UInt8], to descriptor: borrowing OwnedDescriptor) throws(Errno) {
        let raw = descriptor.raw
        var rest = content[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe CLinux.write(raw, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else {
                let failure = Errno.current
                if failure != .interrupted { throw failure }
            }
        }
    }

    private static func synchronizeDirectory(of path: String) throws(Errno) {
        guard let parent = parent(of: path) else { return }
        let raw = unsafe culvert_open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        guard raw >= 0 else { throw Errno.current }
        let directory = OwnedDescriptor(adopting: raw)
        try check(fsync(directory.raw))
    }

    private static func check(_ result: Int32) throws(Errno) {
        guard result == 0 else { throw Errno.current }
    }
}
