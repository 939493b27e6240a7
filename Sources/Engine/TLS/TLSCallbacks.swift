import COpenSSL

/// The functions that OpenSSL calls during an operation. Each finds its connection, which cannot be gone: it is in the
/// middle of the call that led here.
enum TLSCallbacks {
    typealias Verify = @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Int32
    typealias Inform = @convention(c) (OpaquePointer?, Int32, Int32) -> Void
    typealias Log = @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> Void
    typealias ClientHello =
        @convention(c) (OpaquePointer?, UnsafeMutablePointer<Int32>?, UnsafeMutableRawPointer?) -> Int32
    typealias SelectProtocol =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafePointer<UInt8>?>?, UnsafeMutablePointer<UInt8>?,
            UnsafePointer<UInt8>?, UInt32, UnsafeMutableRawPointer?
        ) -> Int32

    static let verify: Verify = { store, _ in
        guard let store = unsafe store,
            let ssl = unsafe X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
            let connection = unsafe TLSCallbacks.connection(OpaquePointer(ssl))
        else { return 0 }
        guard let code = unsafe connection.verifyPeer(store) else { return 1 }
        unsafe X509_STORE_CTX_set_error(store, code)
        return 0
    }

    static let inform: Inform = { ssl, event, _ in
        guard event & SSL_CB_LOOP != 0 else { return }
        unsafe TLSCallbacks.connection(ssl)?.countMessage()
    }

    static let log: Log = { ssl, line in
        guard let line = unsafe line else { return }
        unsafe TLSCallbacks.connection(ssl)?.keep(UnsafeRawBufferPointer(start: line, count: strlen(line)))
    }

    static let clientHello: ClientHello = { ssl, alert, _ in
        guard let connection = unsafe TLSCallbacks.connection(ssl) else { return SSL_CLIENT_HELLO_ERROR }
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        let extensionNumber = UInt32(TLSEXT_TYPE_application_layer_protocol_negotiation)
        let isPresent = unsafe SSL_client_hello_get0_ext(ssl, extensionNumber, &bytes, &count) == 1
        if connection.acceptsProtocols(negotiated: isPresent) { return SSL_CLIENT_HELLO_SUCCESS }
        if let alert = unsafe alert { unsafe alert.pointee = SSL_AD_NO_APPLICATION_PROTOCOL }
        return SSL_CLIENT_HELLO_ERROR
    }

    static let selectProtocol: SelectProtocol = { _, selected, selectedCount, offered, offeredCount, _ in
        // A list of names, each behind its length; OpenSSL has checked its form.
        let list = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
        var start = 0
        while start < list.count {
            let length = unsafe Int(list[start])
            let end = start + 1 + length
            guard end <= list.count else { break }
            if unsafe list[start + 1..<end].elementsEqual("h2".utf8), let base = list.baseAddress {
                unsafe selected?.pointee = base + start + 1
                unsafe selectedCount?.pointee = 2
                return SSL_TLSEXT_ERR_OK
            }
            start = end
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    private static func connection(_ ssl: OpaquePointer?) -> TLSConnection? {
        guard let ssl = unsafe ssl, let owner = unsafe SSL_get_ex_data(ssl, 0) else { return nil }
        return unsafe Unmanaged<TLSConnection>.fromOpaque(owner).takeUnretainedValue()
    }
}
