import CLinux
import Glibc
import System
import Testing

struct ProcessMemoryTests {
    @Test func `pages within a discarded block read as zeros and its ends stay`() {
        let pageByteCount = Int(getpagesize())
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 * pageByteCount + 200, alignment: pageByteCount)
        defer { unsafe block.deallocate() }
        for index in block.indices { unsafe block[index] = 7 }
        unsafe ProcessMemory.discard(UnsafeMutableRawBufferPointer(rebasing: block[100...]))
        for index in block.indices {
            let isWithin = index >= pageByteCount && index < 4 * pageByteCount
            unsafe #expect(block[index] == (isWithin ? 0 : 7))
        }
    }

    @Test func `blocks that are kept at hand for a thread go back to the allocator`() {
        let byteCounts = stride(from: 24, through: 1032, by: 16).flatMap { repeatElement($0, count: 16) }
        var blocks: [UnsafeMutableRawPointer?] = unsafe byteCounts.map { unsafe malloc($0) }
        // In glibc's books such blocks are in use.
        let before = mallinfo2().uordblks
        unsafe blocks.forEach { unsafe free($0) }
        unsafe blocks.removeAll()
        let kept = mallinfo2().uordblks
        ProcessMemory.releaseThreadCache()
        let wanted = before - byteCounts.reduce(0, +) * 9 / 10
        for _ in 0..<500 where mallinfo2().uordblks > wanted { usleep(10_000) }
        #expect(kept > wanted)
        #expect(mallinfo2().uordblks <= wanted)
    }
}
