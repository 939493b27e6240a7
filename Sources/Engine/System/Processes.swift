internal import CLinux
internal import Primitives

/// This process, and others by their number.
public enum Processes {
    /// Ask to end.
    public static let terminate = SIGTERM
    /// End at once.
    public static let kill = SIGKILL

    /// Our own number.
    public static var own: Int32 { getpid() }

    /// The variables that we were started with.
    public static var environment: [String: String] {
        guard let entries = unsafe culvert_environment() else { return [:] }
        var result: [String: String] = [:]
        var index = 0
        while let entry = unsafe entries[index] {
            let parts = unsafe String(cString: entry).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { result[String(parts[0])] = String(parts[1]) }
            index += 1
        }
        return result
    }

    /// Sends a signal to a process; nothing happens when there is none.
    public static func send(signal: Int32, to process: Int32) {
        guard process > 1 else { return }
        _ = CLinux.kill(process, signal)
    }

    /// Lets time pass on this thread; for tools and tests, never for an event loop.
    public static func pause(_ span: Duration) {
        let nanoseconds = max(0, span.clampedNanoseconds)
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var left = time
        while unsafe nanosleep(&time, &left) != 0, Errno.current == .interrupted { time = left }
    }

    /// Becomes another program, which is looked for in PATH; returns only when that fails.
    public static func become(_ arguments: [String]) -> Errno {
        guard let program = arguments.first else { return .invalid }
        let words = unsafe CStringList(arguments)
        defer { unsafe words.release() }
        _ = unsafe execvp(program, words.pointers)
        return Errno.current
    }

    /// The file that this process runs.
    public static func ownProgram() throws(Errno) -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &path, path.count)
        guard count > 0 else { throw Errno.current }
        return String(decoding: path.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
