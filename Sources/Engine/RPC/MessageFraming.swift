import Primitives

/// gRPC's framing: a flag that is set for compressed messages, four bytes of length, the message.
enum MessageFraming {
    static let prefixByteCount = 5

    static func append(_ message: [UInt8], to queue: inout ByteQueue) {
        precondition(message.count <= UInt32.max)
        let room = unsafe queue.reserve(prefixByteCount + message.count)
        unsafe room.storeBytes(of: 0, as: UInt8.self)
        unsafe room.storeBytes(of: UInt32(message.count).bigEndian, toByteOffset: 1, as: UInt32.self)
        unsafe UnsafeMutableRawBufferPointer(rebasing: room[prefixByteCount...]).copyBytes(from: message)
        queue.commit(prefixByteCount + message.count)
    }

    /// Takes the next message out of `queue`; nil until it is whole.
    static func next(in queue: inout ByteQueue, byteCountMax: Int) throws(RPCStatus) -> [UInt8]? {
        guard queue.count >= prefixByteCount else { return nil }
        let flag = unsafe queue.readable.load(as: UInt8.self)
        let length = Int(unsafe UInt32(bigEndian: queue.readable.loadUnaligned(fromByteOffset: 1, as: UInt32.self)))
        guard flag == 0 else { throw RPCStatus(.unimplemented, "compressed messages are not understood") }
        guard length <= byteCountMax else {
            throw RPCStatus(.resourceExhausted, "a message of \(length) bytes exceeds the limit of \(byteCountMax)")
        }
        guard queue.count - prefixByteCount >= length else { return nil }
        let message = unsafe Array(queue.readable[prefixByteCount..<prefixByteCount + length])
        queue.consume(prefixByteCount + length)
        return message
    }
}
