import CLinux

/// Tells when something in a directory may have changed. It looks at the directory that the path leads to now and at
/// the directory that holds the path, so that a swapped symbolic link or a replaced directory is noticed too. It is a
/// hint: a symbolic link inside the directory may lead to a file whose changes it does not see.
public final class DirectoryWatcher {
    /// Readable when something happened.
    public let descriptor: OwnedDescriptor
    private let path: String
    private let name: [UInt8]
    private let parentWatch: Int32

    /// The directory itself may be missing; the one that holds it must exist.
    public init(path: String) throws(Errno) {
        let raw = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard raw >= 0 else { throw Errno.current }
        descriptor = OwnedDescriptor(adopting: raw)
        self.path = path
        name = Array(path.split(separator: "/").last.map(String.init)?.utf8 ?? "".utf8)
        let events = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR
        parentWatch = unsafe inotify_add_watch(raw, FileSystem.parent(of: path) ?? ".", UInt32(events))
        guard parentWatch >= 0 else { throw Errno.current }
        watchDirectory()
    }

    /// Takes all events; whether one of them concerns the directory. The directory is looked up anew then, since it
    /// may be another one now.
    public func drain() throws(Errno) -> Bool {
        var concerns = false
        var buffer = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            let outcome = unsafe buffer.withUnsafeMutableBytes { bytes -> Result<IOOutcome, Errno> in
                do throws(Errno) {
                    return .success(try unsafe descriptor.read(into: bytes))
                } catch {
                    return .failure(error)
                }
            }
            guard case .bytes(let count) = try outcome.get() else { break }
            if concernsDirectory(buffer[..<count]) { concerns = true }
        }
        if concerns { watchDirectory() }
        return concerns
    }

    /// Adding a watch twice for one directory changes nothing; a directory that is gone is noticed through its parent.
    private func watchDirectory() {
        let events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF
        _ = unsafe inotify_add_watch(descriptor.raw, path, UInt32(events | IN_MOVE_SELF | IN_ONLYDIR))
    }

    /// Whether one of these events is about the directory or what is in it; its siblings are not.
    private func concernsDirectory(_ events: ArraySlice<UInt8>) -> Bool {
        // struct inotify_event: four 32-bit words (watch, mask, cookie, length of the name), then the name, padded
        // with zeros.
        var rest = events
        while rest.count >= 16 {
            let word = { (index: Int) in
                rest.dropFirst(4 * index).prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            }
            let nameLength = Int(word(3))
            let eventName = rest.dropFirst(16).prefix(nameLength).prefix { $0 != 0 }
            if Int32(bitPattern: word(0)) != parentWatch || Array(eventName) == name { return true }
            rest = rest.dropFirst(16 + nameLength)
        }
        return false
    }
}
