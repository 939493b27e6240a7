import COpenSSL

/// The kind of BIO that all connections share.
///
/// `@unchecked`: the table of functions is never changed once made.
@safe struct TransportMethod: @unchecked Sendable {
    static let shared = TransportMethod()

    /// Nil if OpenSSL had no memory for it; then no connection can be made either.
    let raw: OpaquePointer?

    private init() { unsafe raw = culvert_window_method() }
}
