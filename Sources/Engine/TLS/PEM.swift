import COpenSSL
import Primitives

/// The text form of certificates, keys and requests (RFC 7468).
enum PEM {
    /// `text` as OpenSSL's input.
    static func input(
        _ text: [UInt8], _ what: String, byteCountMax: Int = Limits.pemByteCountMax
    ) throws(TLSFailure) -> Handle {
        guard text.count <= byteCountMax else {
            throw TLSFailure(.configuration, "\(what): longer than \(byteCountMax) bytes")
        }
        let input = try output(what)
        if !text.isEmpty { try check(unsafe BIO_write(input.raw, text, Int32(text.count)), .resources, what) }
        return input
    }

    /// Memory for OpenSSL to write to.
    static func output(_ what: String) throws(TLSFailure) -> Handle {
        ErrorQueue.clear()
        return try unsafe Handle(BIO_new(BIO_s_mem()), BIO_free_all, .resources, what)
    }

    /// What has been written.
    static func contents(of output: borrowing Handle) -> [UInt8] {
        var bytes: UnsafePointer<CChar>?
        let count = unsafe culvert_memory_contents(output.raw, &bytes)
        guard let bytes = unsafe bytes, count > 0 else { return [] }
        return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
    }
}
