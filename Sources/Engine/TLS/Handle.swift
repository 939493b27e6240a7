import COpenSSL

/// Sole owner of one OpenSSL object; frees it when dropped.
@safe struct Handle: ~Copyable {
    let raw: OpaquePointer
    private let free: @convention(c) (OpaquePointer?) -> Void

    /// Adopts what an OpenSSL constructor returned.
    /// - Throws: what OpenSSL said, if it returned nothing.
    init(
        _ raw: OpaquePointer?, _ free: @convention(c) (OpaquePointer?) -> Void, _ kind: TLSFailure.Kind, _ doing: String
    ) throws(TLSFailure) {
        guard let raw = unsafe raw else { throw TLSFailure(kind, doing, ErrorQueue.drain()) }
        unsafe self.raw = raw
        unsafe self.free = free
    }

    deinit { unsafe free(raw) }

    /// Gives the object away.
    consuming func take() -> OpaquePointer {
        let raw = unsafe raw
        discard self
        return unsafe raw
    }
}
