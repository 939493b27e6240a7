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
}
