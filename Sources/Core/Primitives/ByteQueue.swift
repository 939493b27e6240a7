/// A first-in first-out queue of bytes in one contiguous block. It holds no memory while it is empty and its block was
/// large, so that an idle connection costs nothing.
@safe public struct ByteQueue: ~Copyable {
    /// An emptied queue keeps a block of at most this many bytes.
    public static let retainedByteCountMax = 512

    /// Up to this a queue that grows doubles; beyond, it grows by a quarter.
    private static let shortByteCountMax = 32 << 10

    private var storage: UnsafeMutableRawBufferPointer
    private var head = 0
    private var tail = 0

    /// An empty queue without memory.
    public init() { unsafe storage = UnsafeMutableRawBufferPointer(start: nil, count: 0) }

    deinit { unsafe storage.deallocate() }

    /// The number of bytes waiting.
    public var count: Int { tail - head }

    public var isEmpty: Bool { tail == head }

    /// The number of bytes of memory held.
    public var capacity: Int { unsafe storage.count }

    /// The bytes waiting, from the oldest; valid until the next mutation.
    public var readable: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(rebasing: storage[head..<tail]) }

    /// Room for at least `minimum` further bytes, to be filled from its start and then committed; valid until the next
    /// mutation.
    public mutating func reserve(_ minimum: Int) -> UnsafeMutableRawBufferPointer {
        precondition(minimum >= 0)
        if unsafe storage.count - tail < minimum { makeRoom(minimum) }
        return unsafe UnsafeMutableRawBufferPointer(rebasing: storage[tail...])
    }

    /// Declares that the first `byteCount` bytes of the reserved room are filled.
    public mutating func commit(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= capacity - tail)
        tail += byteCount
    }

    /// Appends a copy of `bytes`.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0 else { return }
        let room = unsafe reserve(bytes.count)
        unsafe room.copyMemory(from: bytes)
        tail += bytes.count
    }

    /// Drops the oldest `byteCount` bytes.
    public mutating func consume(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        head += byteCount
        guard head == tail else { return }
        head = 0
        tail = 0
        if unsafe storage.count > Self.retainedByteCountMax { release() }
    }

    /// Drops the oldest `byteCount` bytes but keeps the block, for queues that serve as scratch.
    public mutating func advance(_ byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count)
        head += byteCount
    }

    /// Drops everything but keeps the block, for queues that serve as scratch.
    public mutating func reset() {
        head = 0
        tail = 0
    }

    /// Drops everything, memory included.
    public mutating func release() {
        unsafe storage.deallocate()
        unsafe storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        head = 0
        tail = 0
    }

    private mutating func makeRoom(_ minimum: Int) {
        let waiting = count
        if unsafe head > 0 && storage.count - waiting >= minimum && head >= storage.count / 2 {
            if let base = unsafe storage.baseAddress { unsafe base.copyMemory(from: base + head, byteCount: waiting) }
        } else {
            // A long queue is one that waits: half of it empty would be half of the memory for nothing.
            let ahead = unsafe storage.count > Self.shortByteCountMax ? storage.count / 4 : storage.count
            let capacity = unsafe max(waiting + minimum, storage.count + ahead, 512)
            let grown = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
            unsafe grown.copyMemory(from: readable)
            unsafe storage.deallocate()
            unsafe storage = grown
        }
        head = 0
        tail = waiting
    }
}
