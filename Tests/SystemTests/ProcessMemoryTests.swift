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
        func blocks(_ count: Int) -> [UnsafeMutableRawPointer] {
            let blocks = unsafe (0..<count).compactMap { _ in unsafe malloc(byteCount) }
            unsafe #expect(blocks.count == count)
            unsafe blocks.forEach { unsafe memset($0, 7, byteCount) }
            return unsafe blocks
        }
        // What tests before this one left free takes blocks in without growth: it is filled first.
        var ballast: [UnsafeMutableRawPointer] = unsafe []
        defer { unsafe ballast.forEach { unsafe free($0) } }
        var (isGrowing, before) = (false, try #require(ProcessMemory.anonymousByteCount()))
        while !isGrowing, unsafe ballast.count < 8192 {
            unsafe ballast += blocks(64)
            let after = try #require(ProcessMemory.anonymousByteCount())
            (isGrowing, before) = (after - before > 48 * byteCount, after)
        }
        let held = unsafe blocks(256)
        let full = try #require(ProcessMemory.anonymousByteCount())
        // The last one holds the end of the heap in its place.
        unsafe held.dropLast().forEach { unsafe free($0) }
        let kept = try #require(ProcessMemory.anonymousByteCount())
        ProcessMemory.releaseFree()
        let after = try #require(ProcessMemory.anonymousByteCount())
        unsafe held.suffix(1).forEach { unsafe free($0) }
        let whole = 256 * byteCount
        #expect(full - before > whole * 3 / 4)
        #expect(kept - before > whole / 2)
        #expect(after - before < whole / 4)
    }
}
