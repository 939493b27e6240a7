import Primitives

/// Takes messages out of the bytes of a stream. What is known to belong to a message goes to its final place as it
/// comes, so that a large message takes its own memory and no more, and not before it is there.
struct MessageAssembly: ~Copyable {
    private let byteCountMax: Int
    /// The message at hand, as far as it has come, and its length, once that is known.
    private var message: [UInt8] = []
    private var length: Int?
    /// What came behind it.
    private var rest = ByteQueue()

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// Bytes that were not handed over.
    var byteCount: Int { message.count + rest.count }

    /// Whether the bytes so far end with a message.
    var isEmpty: Bool { length == nil && rest.isEmpty }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let length, rest.isEmpty else { return unsafe rest.append(bytes) }
        let taken = min(length - message.count, bytes.count)
        unsafe message.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        unsafe rest.append(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
    }

    /// The next message; nil until it is whole.
    mutating func next() throws(RPCStatus) -> [UInt8]? {
        if length == nil { try takePrefix() }
        guard let length else { return nil }
        let taken = min(length - message.count, rest.count)
        unsafe message.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest.readable[..<taken]))
        rest.consume(taken)
        guard message.count == length else { return nil }
        self.length = nil
        var whole: [UInt8] = []
        swap(&whole, &message)
        return whole
    }

    /// Drops everything, memory included.
    mutating func release() {
        (message, length) = ([], nil)
        rest.release()
    }

    /// Takes the length of the next message, once it is there.
    private mutating func takePrefix() throws(RPCStatus) {
        guard rest.count >= MessageFraming.prefixByteCount else { return }
        let flag = unsafe rest.readable.load(as: UInt8.self)
        let length = Int(unsafe UInt32(bigEndian: rest.readable.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
        guard flag == 0 else { throw RPCStatus(.unimplemented, "compressed messages are not understood") }
        guard length <= byteCountMax else {
            throw RPCStatus(.resourceExhausted, "a message of \(length) bytes exceeds the limit of \(byteCountMax)")
        }
        rest.consume(MessageFraming.prefixByteCount)
        // Memory that nothing was written to yet is none: what is claimed and never comes costs addresses only.
        message.reserveCapacity(length)
        self.length = length
    }
}
