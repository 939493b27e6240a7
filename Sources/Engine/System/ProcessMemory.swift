internal import CLinux

/// The memory of this process.
public enum ProcessMemory {
    /// Lets go of the pages of programs and libraries that were needed to start: those that are needed again come back
    /// from the page cache one by one. Only code is let go, which nobody has written to.
    public static func releaseStartUpCode() {
        guard let maps = try? FileSystem.read("/proc/self/maps") else { return }
        for line in maps.split(separator: UInt8(ascii: "\n")) {
            // ADDRESS-ADDRESS PERMISSIONS OFFSET DEVICE INODE PATH
            let fields = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count >= 6, fields[1] == "r-xp", fields[5].hasPrefix("/") else { continue }
            let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            guard ends.count == 2, ends[0] < ends[1], let start = unsafe UnsafeMutableRawPointer(bitPattern: ends[0])
            else { continue }
            _ = unsafe madvise(start, Int(ends[1] - ends[0]), MADV_DONTNEED)
        }
    }
}
