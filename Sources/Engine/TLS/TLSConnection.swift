import COpenSSL
public import Identity
public import Primitives

/// One TLS connection as a machine of bytes: ciphertext in, plaintext out, and the other way. It owns no descriptor
/// and no buffers; OpenSSL reads where the caller's input lies and writes where the caller's queues have room.
///
/// After a failure nothing more can be done with it but to send what `ciphertext` holds (the alert) and drop it.
@safe public final class TLSConnection {
    private enum Phase { case handshaking, established, failed }

    private let ssl: OpaquePointer
    private let window: UnsafeMutablePointer<culvert_tls_window>
    private let context: TLSContext
    private let expectation: PeerExpectation
    private var phase = Phase.handshaking
    private var hasSentClose = false
    private var hasPeerClosed = false
    private var identity: SPIFFEID?
    private var refusal: TLSFailure?
    /// The window's count of writes when the present key was taken into use.
    private var keyStart: UInt64 = 0
    private var allowance = MessageAllowance()
    /// The secrets of the established connection, kept while somebody else may make and read its records.
    private var clientSecret: TrafficSecret?
    private var serverSecret: TrafficSecret?

    /// A connection that a client has opened to us.
    public convenience init(server context: TLSContext) throws(TLSFailure) {
        precondition(context.isServer)
        try self.init(context, expecting: context.admission)
    }

    /// A connection to another node, which must prove to be one of `identities`; none will do if they are empty.
    public convenience init(client context: TLSContext, expecting identities: [SPIFFEID]) throws(TLSFailure) {
        precondition(!context.isServer)
        try self.init(context, expecting: .identities(identities))
    }

    /// A connection to a server that must hold a certificate for `serverName` or one of `alternatives`. The name also
    /// goes into the handshake (SNI), unless it is an IP address.
    public convenience init(
        client context: TLSContext, serverName: String, alternatives: [String] = []
    ) throws(TLSFailure) {
        precondition(!context.isServer)
        try self.init(context, expecting: .hostNames([serverName] + alternatives))
        guard IPAddress(serverName) == nil else { return }
        try check(unsafe culvert_set_server_name(ssl, serverName), .configuration, "server name \(serverName)")
    }

    private init(_ context: TLSContext, expecting expectation: PeerExpectation) throws(TLSFailure) {
        ErrorQueue.clear()
        let window = UnsafeMutablePointer<culvert_tls_window>.allocate(capacity: 1)
        unsafe window.initialize(to: culvert_tls_window())
        guard let ssl = unsafe culvert_connection_new(context.raw, TransportMethod.shared.raw, window) else {
            unsafe window.deallocate()
            throw TLSFailure(.resources, "TLS connection", ErrorQueue.drain())
        }
        unsafe self.ssl = ssl
        unsafe self.window = window
        self.context = context
        self.expectation = expectation
        unsafe SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        if context.isServer { unsafe SSL_set_accept_state(ssl) } else { unsafe SSL_set_connect_state(ssl) }
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe window.deallocate()
    }

    /// True once the handshake is complete on this side. A client's server may still refuse it after that: in TLS 1.3
    /// the client finishes before its certificate is judged.
    public var isEstablished: Bool { phase == .established }

    /// True once the peer has said that it will send no more (close_notify).
    public var peerClosed: Bool { hasPeerClosed }

    /// Who the peer has proved to be: its certificate's first SPIFFE identity.
    public var peerIdentity: SPIFFEID? { identity }

    /// How the peer has proved it; nil before that.
    public var peerChain: PeerChain? { unsafe PeerChain(of: ssl) }

    /// True if both sides have agreed on HTTP/2. False on an established connection only where the options accept that.
    public var hasNegotiatedHTTP2: Bool {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        return count == 2
    }

    /// The suite in use; nil before the handshake.
    public var cipherSuite: CipherSuite? {
        guard let cipher = unsafe SSL_get_current_cipher(ssl), let name = unsafe SSL_CIPHER_get_name(cipher) else {
            return nil
        }
        return unsafe CipherSuite(rawValue: String(cString: name))
    }

    /// The keys taken into use for sending since the handshake, the first not counted.
    public private(set) var keyUpdateCount: UInt64 = 0

    /// Begins a client's handshake.
    public func start(ciphertext: inout ByteQueue) throws(TLSFailure) {
        precondition(!context.isServer && phase == .handshaking)
        _ = try handshake(ciphertext: &ciphertext)
    }

    /// Takes all of `input`, appends what it decrypts to, and what must be sent in answer.
    /// - Throws: if the peer is refused, refuses us or breaks the protocol. What was decrypted before stays in
    ///   `plaintext`, and the alert for the peer is in `ciphertext`.
    public func receive(
        _ input: UnsafeRawBufferPointer, plaintext: inout ByteQueue, ciphertext: inout ByteQueue
    ) throws(TLSFailure) {
        guard phase != .failed else { throw TLSFailure(.closed, "the connection has failed") }
        unsafe window.pointee.input = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe window.pointee.input_count = input.count
        defer {
            unsafe window.pointee.input = nil
            unsafe window.pointee.input_count = 0
        }
        if phase == .handshaking {
            guard try handshake(ciphertext: &ciphertext) else { return }
        }
        guard !hasPeerClosed else { return }
        try decrypt(into: &plaintext, ciphertext: &ciphertext)
    }

    /// Takes of `input` what belongs to the handshake, for a connection whose records others may make and read later.
    /// - Returns: how many bytes were taken: all of them, unless the handshake is complete.
    /// - Throws: as `receive` does.
    public func shake(_ input: UnsafeRawBufferPointer, ciphertext: inout ByteQueue) throws(TLSFailure) -> Int {
        guard phase == .handshaking else { throw TLSFailure(.closed, "there is no handshake") }
        unsafe window.pointee.input = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe window.pointee.input_count = input.count
        defer {
            unsafe window.pointee.input = nil
            unsafe window.pointee.input_count = 0
        }
        _ = try handshake(ciphertext: &ciphertext)
        return unsafe input.count - window.pointee.input_count
    }

    /// True if the options ask that the records of the established connection be made and read by others. Then its
    /// handshake is to be fed by `shake`.
    public var isOffloadable: Bool { context.options.offersOffload }

    /// What is needed to make and read the records of the connection, which has just been established. The connection
    /// itself must not be used any more, unless none was made or read.
    /// - Returns: nil if it is not offloadable, or has begun to read data.
    public func offload() -> OffloadedSession? {
        guard phase == .established, unsafe SSL_has_pending(ssl) == 0,
            let client = clientSecret.take(), let server = serverSecret.take()
        else { return nil }
        return OffloadedSession(
            client, server, isServer: context.isServer, recordsPerKey: context.options.recordsPerKey)
    }

    /// Encrypts all of `plaintext`, in records of at most 16,384 bytes.
    /// - Throws: if the connection is not established, or this side has closed it.
    public func send(_ plaintext: UnsafeRawBufferPointer, ciphertext: inout ByteQueue) throws(TLSFailure) {
        guard phase == .established, !hasSentClose else { throw TLSFailure(.closed, "the connection is not open") }
        var offset = 0
        let pieceCount = plaintext.count / Limits.tlsRecordByteCountMax + 1
        openRoom(in: &ciphertext, plaintext.count + pieceCount * Self.recordOverheadByteCount)
        defer { closeRoom(in: &ciphertext) }
        while offset < plaintext.count {
            let size = min(plaintext.count - offset, Limits.tlsRecordByteCountMax)
            if unsafe window.pointee.write_count - keyStart >= context.options.recordsPerKey { try updateKey() }
            var count = 0
            ERR_clear_error()
            if unsafe SSL_write_ex(ssl, plaintext.baseAddress.map { unsafe $0 + offset }, size, &count) > 0 {
                offset += count
            } else if unsafe SSL_get_error(ssl, 0) == SSL_ERROR_WANT_WRITE {
                growRoom(in: &ciphertext)
            } else {
                throw fail()
            }
        }
    }

    /// Tells the peer that we will send no more (close_notify). Receiving goes on.
    public func close(ciphertext: inout ByteQueue) {
        guard phase == .established, !hasSentClose else { return }
        hasSentClose = true
        openRoom(in: &ciphertext, Self.answerByteCount)
        defer { closeRoom(in: &ciphertext) }
        ERR_clear_error()
        unsafe SSL_shutdown(ssl)
    }

    /// - Returns: true once the handshake is complete.
    private func handshake(ciphertext: inout ByteQueue) throws(TLSFailure) -> Bool {
        openRoom(in: &ciphertext, Self.flightByteCount)
        defer { closeRoom(in: &ciphertext) }
        while true {
            ERR_clear_error()
            let outcome = unsafe SSL_do_handshake(ssl)
            if outcome > 0 { break }
            switch unsafe SSL_get_error(ssl, outcome) {
            case SSL_ERROR_WANT_READ: return false
            case SSL_ERROR_WANT_WRITE: growRoom(in: &ciphertext)
            default: throw fail()
            }
        }
        unsafe keyStart = window.pointee.write_count
        phase = .established
        return true
    }

    private func decrypt(into plaintext: inout ByteQueue, ciphertext: inout ByteQueue) throws(TLSFailure) {
        openRoom(in: &ciphertext, Self.answerByteCount)
        defer { closeRoom(in: &ciphertext) }
        while true {
            let room = unsafe plaintext.reserve(Limits.tlsRecordByteCountMax)
            var count = 0
            ERR_clear_error()
            if unsafe SSL_read_ex(ssl, room.baseAddress, room.count, &count) > 0 {
                plaintext.commit(count)
                allowance.restore(count)
                // One more call would only say that there is nothing left.
                if unsafe window.pointee.input_count == 0 && SSL_has_pending(ssl) == 0 { return }
                continue
            }
            switch unsafe SSL_get_error(ssl, 0) {
            case SSL_ERROR_WANT_READ:
                guard !allowance.isExceeded else {
                    phase = .failed
                    throw .idleMessages
                }
                return
            case SSL_ERROR_WANT_WRITE:
                growRoom(in: &ciphertext)
            case SSL_ERROR_ZERO_RETURN:
                hasPeerClosed = true
                return
            default:
                throw fail()
            }
        }
    }

    private func updateKey() throws(TLSFailure) {
        // TLS 1.2 has one key for all records, and its bound is that of the sequence number, which OpenSSL keeps.
        guard unsafe SSL_version(ssl) == TLS1_3_VERSION else { return unsafe keyStart = window.pointee.write_count }
        // Asking for the peer's update too protects the other direction against peers that never update by themselves.
        guard unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) > 0 else { throw fail() }
        unsafe keyStart = window.pointee.write_count
        keyUpdateCount += 1
    }

    private func fail() -> TLSFailure {
        phase = .failed
        let entries = ErrorQueue.drain()
        return refusal ?? TLSFailure(diagnosing: entries)
    }

    private func openRoom(in queue: inout ByteQueue, _ minimum: Int) {
        let room = unsafe queue.reserve(minimum)
        unsafe window.pointee.room = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe window.pointee.room_count = room.count
        unsafe window.pointee.written_count = 0
    }

    private func closeRoom(in queue: inout ByteQueue) {
        unsafe queue.commit(window.pointee.written_count)
        unsafe window.pointee.room = nil
        unsafe window.pointee.room_count = 0
        unsafe window.pointee.written_count = 0
    }

    private func growRoom(in queue: inout ByteQueue) {
        closeRoom(in: &queue)
        openRoom(in: &queue, Limits.tlsRecordByteCountMax + Self.recordOverheadByteCount)
    }

    /// Header (5), content type (1) and tag (16) of a record, and a share of a key update's record before it.
    private static let recordOverheadByteCount = 64

    /// An alert or a key update.
    private static let answerByteCount = 128

    /// A usual flight of the handshake; longer ones are written in pieces.
    private static let flightByteCount = 4_096
}

@available(*, unavailable)
extension TLSConnection: Sendable {}

/// What OpenSSL's callbacks ask in the middle of an operation.
extension TLSConnection {
    /// Judges the peer's chain, and notes who it is or why it is refused.
    /// - Returns: the verification error to report, or nil if the peer is welcome.
    func verifyPeer(_ store: OpaquePointer) -> Int32? {
        if !context.isServer, !acceptsProtocols(negotiated: hasNegotiatedHTTP2) {
            return X509_V_ERR_APPLICATION_VERIFICATION
        }
        if let refusal = unsafe PeerVerification.judge(store, expectation, by: context.options.revocations?.current) {
            self.refusal = refusal.failure
            return refusal.code
        }
        unsafe identity = PeerVerification.identity(in: store)
        return nil
    }

    /// Whether the handshake may go on when the peer has negotiated a protocol, or has not.
    func acceptsProtocols(negotiated: Bool) -> Bool {
        if negotiated || context.options.acceptsAbsentProtocol { return true }
        refusal = TLSFailure(.applicationProtocol, "the peer does not negotiate h2")
        return false
    }

    /// Keeps a secret that OpenSSL tells of.
    func keep(_ line: UnsafeRawBufferPointer) {
        guard let suite = cipherSuite else { return }
        func secret(_ label: String) -> SecretBytes? {
            unsafe KeyLogLine.secret(in: line, label: label, byteCount: suite.secretByteCount)
        }
        if let bytes = secret("CLIENT_TRAFFIC_SECRET_0") { clientSecret = TrafficSecret(suite, bytes) }
        if let bytes = secret("SERVER_TRAFFIC_SECRET_0") { serverSecret = TrafficSecret(suite, bytes) }
    }

    /// Counts what the peer sends after the handshake beside data. Too much of it and the rest of the input is
    /// withheld, so that the operation ends.
    func countMessage() {
        guard phase == .established, unsafe window.pointee.input != nil else { return }
        allowance.spend()
        if allowance.isExceeded { unsafe window.pointee.input_count = 0 }
    }
}
