import Testing

@testable import HTTP2

struct FrameScannerTests {
    private static func frame(_ byteCount: Int) -> [UInt8] {
        [UInt8(byteCount >> 16), UInt8(byteCount >> 8 & 255), UInt8(byteCount & 255)]
            + [UInt8](repeating: 255, count: 6 + byteCount)
    }

    private static func scan(_ scanner: inout FrameScanner, _ bytes: ArraySlice<UInt8>, _ countMax: Int) -> Int {
        unsafe bytes.withUnsafeBytes { bytes in unsafe scanner.scan(bytes, frameCountMax: countMax) { _ in true } }
    }

    @Test func `a scan ends where the last of the frames ends that it may take`() {
        let bytes = [UInt8](repeating: 80, count: 24) + [0, 5, 300, 70_000, 0, 1].flatMap(Self.frame)
        var scanner = FrameScanner(prefaceByteCount: 24)
        var position = 0
        for step in [24 + 9 + 14, 309 + 70_009, 9 + 10] {
            let count = Self.scan(&scanner, bytes[position...], 2)
            #expect(count == step)
            position += count
        }
        #expect(position == bytes.count)
        #expect(scanner.frameCount == 6)
    }

    @Test(arguments: [1, 2, 7, 16, 1000]) func `frames are told apart in whatever pieces they come`(_ piece: Int) {
        let sizes = [5, 0, 300, 17, 0, 70_000, 1]
        let bytes = sizes.flatMap(Self.frame)
        let frameEnds = sizes.indices.map { index in sizes[...index].reduce(0) { $0 + 9 + $1 } }
        var scanner = FrameScanner(prefaceByteCount: 0)
        var seen: [Int] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            let end = min(start + piece, bytes.count)
            var position = start
            while position < end {
                position += unsafe bytes[position..<end].withUnsafeBytes { bytes in
                    unsafe scanner.scan(bytes, frameCountMax: 1) { frame in
                        seen.append(frame.byteCount)
                        return true
                    }
                }
                #expect(position == end || frameEnds.contains(position))
            }
        }
        #expect(seen == sizes)
    }
}
