import CNghttp2
import Testing

struct SpareBlockTests {
    @Test func `what a frame gives back is kept for the next, and no more than that`() {
        var spare = unsafe culvert_nghttp2_spare()
        defer { unsafe culvert_nghttp2_spare_drop(&spare) }
        let (first, second) = unsafe (culvert_nghttp2_allocate(160, &spare), culvert_nghttp2_allocate(160, &spare))
        unsafe culvert_nghttp2_free(first, &spare)
        unsafe culvert_nghttp2_free(second, &spare)
        #expect(unsafe spare.block == first)
        let larger = unsafe culvert_nghttp2_allocate(4096, &spare)
        #expect(unsafe larger != first && spare.block == first)
        unsafe culvert_nghttp2_free(larger, &spare)
        let third = unsafe culvert_nghttp2_allocate(150, &spare)
        #expect(unsafe third == first && spare.block == nil)
        unsafe culvert_nghttp2_free(third, &spare)
    }
}
