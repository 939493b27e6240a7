import COpenSSL
import Glibc
import TLS
import Testing

struct BlockTests {
    /// The address sanitizer has OpenSSL's blocks for itself.
    static var isWatched: Bool { unsafe dlsym(nil, "__asan_init") != nil }

    @Test(.enabled(if: !isWatched), arguments: [30, 16_700])
    func `what a record gives back is kept for the next and not given to malloc`(byteCount: Int) throws {
        _ = try PrivateKey.generateP256()
        let first = unsafe CRYPTO_malloc(byteCount, nil, 0)
        unsafe CRYPTO_free(first, nil, 0)
        let strangers = (0..<64).map { _ in unsafe UInt(bitPattern: malloc(byteCount)) }
        #expect(!strangers.contains(UInt(bitPattern: first)))
        let second = unsafe CRYPTO_malloc(byteCount + 5, nil, 0)
        #expect(unsafe first == second)
        unsafe CRYPTO_free(second, nil, 0)
        for stranger in strangers { unsafe free(UnsafeMutableRawPointer(bitPattern: stranger)) }
    }

    @Test func `a thread keeps a bounded number of blocks`() throws {
        _ = try PrivateKey.generateP256()
        let before = mallinfo2().uordblks
        let blocks = (0..<200).map { _ in unsafe UInt(bitPattern: CRYPTO_malloc(16_700, nil, 0)) }
        for block in blocks { unsafe CRYPTO_free(UnsafeMutableRawPointer(bitPattern: block), nil, 0) }
        #expect(mallinfo2().uordblks < before + 100_000)
    }
}
