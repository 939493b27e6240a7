import Primitives

/// Scratch memory that the connections of one channel or server share, since only one of them runs at a time.
@safe final class RPCBuffers {
    /// Ciphertext as it is read from a socket.
    let received: UnsafeMutableRawBufferPointer
    /// Where frames are laid out.
    let frames: UnsafeMutableRawBufferPointer
    /// What was decrypted.
    var plaintext = ByteQueue()

    init() {
        unsafe received = .allocate(byteCount: Limits.receiveByteCountMax, alignment: 64)
        unsafe frames = .allocate(byteCount: Limits.tlsRecordByteCountMax, alignment: 64)
    }

    deinit {
        unsafe received.deallocate()
        unsafe frames.deallocate()
    }
}
