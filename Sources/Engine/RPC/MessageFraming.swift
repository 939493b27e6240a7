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
}
