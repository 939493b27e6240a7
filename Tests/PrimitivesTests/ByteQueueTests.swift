import Primitives
import Testing

@Suite struct ByteQueueTests {
    @Test func `what goes in comes out in order whatever the sizes`() {
        var random = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &random)
        var state = seed
        var queue = ByteQueue()
        var next: UInt8 = 0
        var expected: UInt8 = 0
        for _ in 0..<5000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let size = Int(state >> 33 % 3000)
            if state >> 62 < 2 {
                let room = unsafe queue.reserve(size)
                for index in 0..<size {
                    unsafe room[index] = next
                    next &+= 1
                }
                queue.commit(size)
            } else {
                let taken = min(size, queue.count)
                for index in 0..<taken {
                    #expect(unsafe queue.readable[index] == expected, "seed \(seed)")
                    expected &+= 1
                }
                queue.consume(taken)
            }
        }
    }

    @Test func `an emptied queue gives its large block back`() {
        var queue = ByteQueue()
        _ = unsafe queue.reserve(100_000)
        queue.commit(100_000)
        queue.consume(100_000)
        #expect(queue.capacity == 0)
    }

    @Test func `a long queue holds little memory beyond its bytes`() {
        var queue = ByteQueue()
        let piece = [UInt8](repeating: 1, count: 1000)
        while queue.count < 1 << 20 {
            unsafe piece.withUnsafeBytes { unsafe queue.append($0) }
            guard queue.count > 64 << 10 else { continue }
            #expect(queue.capacity <= queue.count / 4 * 5 + piece.count)
        }
    }
}
