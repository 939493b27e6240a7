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

    @Test func `free pages between blocks that are in use are given back`() throws {
        let byteCount = 64 * 1024
        // What tests before this one left free would take the blocks in, and nothing would grow.
        ProcessMemory.releaseFree()
        let before = try #require(ProcessMemory.anonymousByteCount())
        let blocks: [UnsafeMutableRawPointer] = unsafe (0..<256).compactMap { _ in unsafe malloc(byteCount) }
        unsafe #expect(blocks.count == 256)
        unsafe blocks.forEach { unsafe memset($0, 7, byteCount) }
        let full = try #require(ProcessMemory.anonymousByteCount())
        // The last one holds the end of the heap in its place.
        unsafe blocks.dropLast().forEach { unsafe free($0) }
        let kept = try #require(ProcessMemory.anonymousByteCount())
        ProcessMemory.releaseFree()
        let after = try #require(ProcessMemory.anonymousByteCount())
        unsafe blocks.suffix(1).forEach { unsafe free($0) }
        let whole = 256 * byteCount
        #expect(full - before > whole * 3 / 4)
        #expect(kept - before > whole / 2)
        #expect(after - before < whole / 4)
    }
}
