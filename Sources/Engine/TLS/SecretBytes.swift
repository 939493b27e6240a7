import COpenSSL

/// Bytes that nobody else may learn. They are wiped when they are dropped.
@safe struct SecretBytes: ~Copyable {
    /// Valid as long as the owner lives.
    let bytes: UnsafeMutableRawBufferPointer

    /// So many zeros.
    init(count: Int) {
        unsafe bytes = .allocate(byteCount: count, alignment: 16)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        unsafe OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        unsafe bytes.deallocate()
    }
}
