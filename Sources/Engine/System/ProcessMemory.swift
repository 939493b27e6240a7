internal import CLinux
import Primitives

/// The memory of this process.
public enum ProcessMemory {
    /// Gives back what a process that has become quiet does not need: free memory, and the code that ran.
    public static func release() {
        releaseFree()
        releaseCode()
    }

    /// Gives back free memory: of all arenas, whole free pages within them included.
    public static func releaseFree() { malloc_trim(0) }

    /// Bytes of anonymous memory that are resident, which is what the allocator holds and little else; nil if the
    /// kernel does not tell.
    public static func anonymousByteCount() -> Int? {
        // Pages in all, resident, resident and of files or shared, ...
        guard let text = try? FileSystem.read("/proc/self/statm") else { return nil }
        let fields = text.split(separator: UInt8(ascii: " ")).prefix(3)
        let counts = fields.compactMap { Int(String(decoding: $0, as: UTF8.self)) }
        guard counts.count == 3 else { return nil }
        return (counts[1] - counts[2]) * Int(getpagesize())
    }

    /// Gives the allocator back the blocks that it keeps at hand for the calling thread: few bytes, but scattered over
    /// pages on which nothing else is left after a great load. glibc does so when a thread ends and has no call for it,
    /// so another thread frees the blocks, and ends.
    public static func releaseThreadCache() {
        // A list that runs through the blocks.
        var last: UnsafeMutableRawPointer?
        for byteCount in stride(from: 24, through: Limits.cachedBlockByteCountMax, by: 16) {
            for _ in 0..<Limits.cachedBlockCountMax {
                guard let block = unsafe malloc(byteCount) else { continue }
                unsafe block.storeBytes(of: last, as: UnsafeMutableRawPointer?.self)
                unsafe last = block
            }
        }
        let first = UInt(bitPattern: last)
        if !Thread.start(named: "memory", { freeList(first) }) { freeList(first) }
    }

    private static func freeList(_ first: UInt) {
        var next = unsafe UnsafeMutableRawPointer(bitPattern: first)
        while let block = unsafe next {
            unsafe next = block.load(as: UnsafeMutableRawPointer?.self)
            unsafe free(block)
        }
    }

    /// Gives back the pages that lie within `block`, whose content is lost: it reads as zeros.
    public static func discard(_ block: UnsafeMutableRawBufferPointer) {
        guard let start = block.baseAddress else { return }
        let pageByteCount = Int(getpagesize())
        let first = unsafe start.alignedUp(toMultipleOf: pageByteCount)
        let last = unsafe (start + block.count).alignedDown(toMultipleOf: pageByteCount)
        if unsafe first < last { _ = unsafe madvise(first, last - first, MADV_DONTNEED) }
    }

    /// Lets go of the pages of programs and libraries: those that are needed again come back from the page cache one by
    /// one. Only code is let go, which nobody has written to.
    private static func releaseCode() {
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
