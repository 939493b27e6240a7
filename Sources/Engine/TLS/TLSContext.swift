import COpenSSL
import Identity
import Primitives

/// The settings, certificate and trust that connections of one role share: one for each role, identity and certificate.
///
/// `@unchecked`: nothing is changed once the context is made, and OpenSSL shares contexts between threads.
@safe public final class TLSContext: @unchecked Sendable {
    let raw: OpaquePointer
    let isServer: Bool
    let options: TLSOptions

    /// On a server, who may call.
    let admission: PeerExpectation

    /// A server for port 15008: each client must show a certificate of our trust domain.
    public static func workloadServer(
        _ credentials: TLSCredentials, options: TLSOptions = TLSOptions()
    ) throws(TLSFailure) -> TLSContext {
        // ztunnel takes the domain from the first URI alone, and checks nothing if that is no identity.
        let domain = credentials.leaf.uris.first.flatMap { SPIFFEID($0) }?.trustDomain
        let context = try TLSContext(server: true, options, admission: .trustDomain(domain))
        try context.use(credentials.certificates, credentials.key)
        try context.trust(credentials.trusted)
        for root in credentials.trusted {
            try check(unsafe SSL_CTX_add_client_CA(context.raw, root.raw), .resources, "root names")
        }
        return context
    }

    /// A client of other nodes: each server must be one of the identities that the connection expects.
    public static func workloadClient(
        _ credentials: TLSCredentials, options: TLSOptions = TLSOptions()
    ) throws(TLSFailure) -> TLSContext {
        let context = try TLSContext(server: false, options, admission: .nobody)
        try context.use(credentials.certificates, credentials.key)
        try context.trust(credentials.trusted)
        return context
    }

    /// A client of the control plane: no certificate of its own, the server is known by its host name.
    /// - Parameter roots: a PEM bundle, or nil for the roots of the operating system.
    public static func serverAuthenticated(
        roots: [UInt8]?, options: TLSOptions = TLSOptions()
    ) throws(TLSFailure) -> TLSContext {
        let context = try TLSContext(server: false, options, admission: .nobody)
        if let roots {
            try context.trust(CertificateBundle(pem: roots, skipsBroken: true, "root certificates").certificates)
        } else {
            try check(unsafe SSL_CTX_set_default_verify_paths(context.raw), .configuration, "system roots")
        }
        return context
    }

    /// A server that asks for no client certificate, as the control plane is.
    /// - Parameter chain: PEM of the leaf and the intermediates behind it.
    public static func plainServer(
        chain: [UInt8], key: PrivateKey, options: TLSOptions = TLSOptions()
    ) throws(TLSFailure) -> TLSContext {
        let context = try TLSContext(server: true, options, admission: .anyone)
        try context.use(CertificateBundle(pem: chain, "certificate chain").certificates, key)
        return context
    }

    private init(server isServer: Bool, _ options: TLSOptions, admission: PeerExpectation) throws(TLSFailure) {
        ErrorQueue.clear()
        let method = unsafe isServer ? TLS_server_method() : TLS_client_method()
        let context = try unsafe Handle(SSL_CTX_new(method), SSL_CTX_free, .resources, "TLS context")
        self.isServer = isServer
        self.options = options
        self.admission = admission
        unsafe raw = context.take()
        try applyContract()
        installCallbacks()
    }

    deinit { unsafe SSL_CTX_free(raw) }

    /// Versions, suites, groups and signature algorithms, in ztunnel's order.
    private func applyContract() throws(TLSFailure) {
        unsafe culvert_set_lean(raw)
        unsafe culvert_bound_peer_chain(raw, Limits.tlsPeerChainByteCountMax, Limits.tlsPeerChainDepthMax)
        let oldest = options.acceptsTLS12 ? TLS1_2_VERSION : TLS1_3_VERSION
        try check(unsafe culvert_set_versions(raw, oldest, TLS1_3_VERSION), .configuration, "TLS versions")
        let suites = options.cipherSuites.map(\.rawValue).joined(separator: ":")
        try check(unsafe SSL_CTX_set_ciphersuites(raw, suites), .configuration, "cipher suites \(suites)")
        if options.acceptsTLS12 {
            try check(unsafe SSL_CTX_set_cipher_list(raw, Self.suitesOfTLS12), .configuration, "suites of TLS 1.2")
        }
        try chooseGroups()
        let algorithms = options.compliance == .fips ? Self.approvedAlgorithms : Self.algorithms
        try check(
            unsafe culvert_set_signature_algorithms(raw, algorithms), .configuration, "signature algorithms")
        guard !isServer else { return }
        let protocols: [UInt8] = [2, UInt8(ascii: "h"), UInt8(ascii: "2")]
        // This one function of OpenSSL's returns 0 for success.
        guard unsafe SSL_CTX_set_alpn_protos(raw, protocols, UInt32(protocols.count)) == 0 else {
            throw TLSFailure(.resources, "ALPN", ErrorQueue.drain())
        }
    }

    private func chooseGroups() throws(TLSFailure) {
        switch options.compliance {
        case .postQuantum:
            try check(unsafe culvert_set_groups(raw, "X25519MLKEM768"), .configuration, "group X25519MLKEM768")
        case .fips: try chooseGroups("*X25519MLKEM768:*P-256:P-384", orElse: "P-256:P-384")
        // A key share for both spares a peer without ML-KEM a second round trip.
        case nil: try chooseGroups("*X25519MLKEM768:*X25519:P-256:P-384", orElse: "X25519:P-256:P-384")
        }
    }

    /// OpenSSL before 3.5, and many a FIPS provider, knows no ML-KEM.
    private func chooseGroups(_ groups: String, orElse classical: String) throws(TLSFailure) {
        guard unsafe culvert_set_groups(raw, groups) <= 0 else { return }
        ErrorQueue.clear()
        try check(unsafe culvert_set_groups(raw, classical), .configuration, "key exchange groups")
    }

    private static let suitesOfTLS12 = """
        ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES128-GCM-SHA256
        """
    private static let algorithms = """
        ECDSA+SHA384:ECDSA+SHA256:ECDSA+SHA512:ed25519:rsa_pss_rsae_sha512:rsa_pss_rsae_sha384:rsa_pss_rsae_sha256:\
        RSA+SHA512:RSA+SHA384:RSA+SHA256
        """
    /// Those of FIPS 186-4, which every FIPS provider has.
    private static let approvedAlgorithms = """
        ECDSA+SHA384:ECDSA+SHA256:ECDSA+SHA512:rsa_pss_rsae_sha512:rsa_pss_rsae_sha384:rsa_pss_rsae_sha256:\
        RSA+SHA512:RSA+SHA384:RSA+SHA256
        """

    private func installCallbacks() {
        if admission != .anyone {
            unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
            unsafe SSL_CTX_set_cert_verify_callback(raw, TLSCallbacks.verify, nil)
        }
        unsafe SSL_CTX_set_info_callback(raw, TLSCallbacks.inform)
        if options.offersOffload { unsafe SSL_CTX_set_keylog_callback(raw, TLSCallbacks.log) }
        guard isServer else { return }
        unsafe SSL_CTX_set_client_hello_cb(raw, TLSCallbacks.clientHello, nil)
        unsafe SSL_CTX_set_alpn_select_cb(raw, TLSCallbacks.selectProtocol, nil)
    }

    private func use(_ chain: [Certificate], _ key: PrivateKey) throws(TLSFailure) {
        ErrorQueue.clear()
        try check(unsafe SSL_CTX_use_certificate(raw, chain[0].raw), .configuration, "certificate")
        for certificate in chain.dropFirst() {
            try check(unsafe culvert_add_chain(raw, certificate.raw), .resources, "intermediate certificate")
        }
        try check(unsafe SSL_CTX_use_PrivateKey(raw, key.raw), .configuration, "private key")
    }

    private func trust(_ roots: [Certificate]) throws(TLSFailure) {
        ErrorQueue.clear()
        let store = unsafe SSL_CTX_get_cert_store(raw)
        for root in roots {
            try check(unsafe X509_STORE_add_cert(store, root.raw), .resources, "root certificate")
        }
        // What the CA calls a root is one, self-signed or not.
        try check(unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN)), .resources, "trust")
    }
}
