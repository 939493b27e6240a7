import CLinux

/// Bounds that the kernel sets for this process.
public enum ResourceLimits {
    /// Raises the number of open files to what is allowed; the number then in force.
    @discardableResult
    public static func raiseOpenFiles() -> UInt64 {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return UInt64(limit.rlim_cur)
    }

    /// Descriptors that may be open at once.
    public static var openFileCountMax: UInt64 {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        return UInt64(limit.rlim_cur)
    }

    /// Descriptors that are open, but for the one that counts them; nil without /proc.
    public static var openFileCount: UInt64? {
        guard let entries = try? FileSystem.entries(of: "/proc/self/fd") else { return nil }
        return UInt64(max(0, entries.count - 1))
    }
}
