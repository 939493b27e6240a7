import Primitives
import Testing

@testable import TLS

/// What becomes of a connection whose records somebody else makes and reads.
struct OffloadTests {
    let mesh: Mesh
    let web: TLSCredentials
    let cart: TLSCredentials

    init() throws {
        mesh = try Mesh()
        web = try mesh.credentials(Mesh.web)
        cart = try mesh.credentials(Mesh.cart)
    }

    // MARK: Keys

    /// RFC 8448 section 3, "derive write traffic keys for application data" and "derive read traffic keys".
    @Test(arguments: [
        (
            "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", "9f02283b6c9c07efc26bb9f2ac92e356",
            "cf782b88dd83549aadf1e984"
        ),
        (
            "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", "17422dda596ed5d9acd890e3c63f5051",
            "5b78923dee08579033e523d9"
        ),
    ])
    func `the keys of a secret are those of RFC 8448`(secret: String, key: String, iv: String) throws {
        try unsafe trafficSecret(.aes128GCM, secret).keys().withBytes {
            let shown = unsafe (hex($0), hex($1))
            #expect(shown == (key, iv))
        }
    }

    @Test(arguments: CipherSuite.allCases)
    func `both ends of a handshake hold the same keys, before and after updates`(suite: CipherSuite) throws {
        var ends = try sessions(suite)
        var seen: Set<String> = []
        for _ in 0..<3 {
            let sent = try (key(ends.client.sending), key(ends.server.sending))
            let received = try (key(ends.server.receiving), key(ends.client.receiving))
            #expect(sent == received)
            #expect(sent.0.count == (suite == .aes256GCM ? 64 : 32))
            seen.formUnion([sent.0, sent.1])
            try ends.client.keyUpdateSent()
            try ends.server.keyUpdateSent()
            let steps = try (
                ends.client.receive(type: 22, Self.keyUpdate(0)), ends.server.receive(type: 22, Self.keyUpdate(0))
            )
            #expect(steps == (.replaceReceivingKeys, .replaceReceivingKeys))
        }
        #expect(seen.count == 6)
    }

    // MARK: Hand-over

    @Test func `a handshake takes no byte beyond its own, however much is there`() throws {
        let options = offloading()
        let client = try TLSConnection(client: .workloadClient(web, options: options), expecting: [Mesh.cart])
        let server = try TLSConnection(server: .workloadServer(cart, options: options))
        var toServer = ByteQueue()
        var toClient = ByteQueue()
        var plaintext = ByteQueue()
        try client.start(ciphertext: &toServer)
        var taken = try unsafe server.shake(toServer.readable, ciphertext: &toClient)
        #expect(taken == toServer.count)
        toServer.consume(taken)
        taken = try unsafe client.shake(toClient.readable, ciphertext: &toServer)
        #expect(taken == toClient.count)
        #expect(client.isEstablished && !server.isEstablished)
        let handshakeCount = toServer.count
        try unsafe Array("data".utf8).withUnsafeBytes { try unsafe client.send($0, ciphertext: &toServer) }
        let all = bytes(of: toServer)
        // Byte by byte up to the last one of the handshake, then that and all the data.
        for index in 0..<handshakeCount {
            #expect(!server.isEstablished)
            let piece = index < handshakeCount - 1 ? [all[index]] : Array(all[index...])
            taken = try unsafe piece.withUnsafeBytes { try unsafe server.shake($0, ciphertext: &toClient) }
            #expect(taken == 1)
        }
        #expect(server.isEstablished)
        let isOffloaded = server.offload() != nil
        #expect(isOffloaded)
        // Nobody has made or read a record: the machine can go on by itself.
        try unsafe all[handshakeCount...].withUnsafeBytes {
            try unsafe server.receive($0, plaintext: &plaintext, ciphertext: &toClient)
        }
        #expect(bytes(of: plaintext) == Array("data".utf8))
    }

    @Test func `no secret is kept unless the options ask for it`() throws {
        let pair = try Pair(client: web, server: cart).connect()
        let (client, server) = (pair.client.connection.offload() != nil, pair.server.connection.offload() != nil)
        #expect(!client && !server)
    }

    // MARK: Records beside data

    @Test func `what a peer sends beside data is read, and anything else is refused with its alert`() throws {
        let ticket: [UInt8] = [4, 0, 0, 3, 1, 2, 3]
        #expect(try SideRecord(type: 21, [1, 0], fromServer: true) == .closed)
        #expect(try SideRecord(type: 21, [1, 90], fromServer: true) == .nothing)
        #expect(try SideRecord(type: 22, ticket + ticket, fromServer: true) == .nothing)
        #expect(try SideRecord(type: 22, Self.keyUpdate(0), fromServer: true) == .keyUpdate(isAnswered: false))
        #expect(try SideRecord(type: 22, Self.keyUpdate(1), fromServer: false) == .keyUpdate(isAnswered: true))
        #expect(try SideRecord(type: 22, ticket + Self.keyUpdate(1), fromServer: true) == .keyUpdate(isAnswered: true))
        let refused: [(type: UInt8, payload: [UInt8], alert: TLSAlert?)] = [
            (21, [2, 40], nil), (21, [], .decodeError), (21, [1, 0, 1, 0], .decodeError), (20, [1], .unexpectedMessage),
            (23, [1], .unexpectedMessage), (22, [], .unexpectedMessage), (22, [24], .unexpectedMessage),
            (22, [24, 0, 0, 1], .unexpectedMessage), (22, [24, 0, 0, 0], .decodeError),
            (22, [24, 0, 0, 2, 0, 0], .decodeError), (22, Self.keyUpdate(2), .illegalParameter),
            (22, Self.keyUpdate(0) + ticket, .unexpectedMessage), (22, [4, 255, 255, 255, 0], .unexpectedMessage),
            (22, [13, 0, 0, 0], .unexpectedMessage),
        ]
        for (type, payload, alert) in refused {
            let refusal = #expect(throws: SideRecord.Refusal.self) {
                try SideRecord(type: type, payload, fromServer: true)
            }
            #expect(refusal?.alert == alert, "\(type) \(payload)")
        }
        let refusal = #expect(throws: SideRecord.Refusal.self) { try SideRecord(type: 22, ticket, fromServer: false) }
        #expect(refusal?.alert == .unexpectedMessage)
    }

    @Test func `a peer's alert is the failure that it is where OpenSSL reads the records`() throws {
        let refusal = #expect(throws: SideRecord.Refusal.self) { try SideRecord(type: 21, [2, 40], fromServer: true) }
        #expect(
            refusal?.failure
                == TLSFailure(.alertReceived(40), "the peer refused us: alert 40 (handshake failure)"))
    }

    @Test func `a key update that asks for ours is answered before the next data, and once`() throws {
        var ends = try sessions(.aes256GCM)
        #expect(ends.server.keyUpdate == nil)
        for _ in 0..<3 {
            let step = try ends.server.receive(type: 22, Self.keyUpdate(1))
            #expect(step == .replaceReceivingKeys)
        }
        #expect(ends.server.keyUpdate == Self.keyUpdate(0))
        let before = try key(ends.server.sending)
        try ends.server.keyUpdateSent()
        #expect(ends.server.keyUpdate == nil)
        let after = try key(ends.server.sending)
        #expect(before != after)
    }

    @Test func `after so many records we update by ourselves and ask for the same`() throws {
        var ends = try sessions(.aes256GCM, recordsPerKey: 4)
        ends.client.sent(byteCount: 2 * Limits.tlsRecordByteCountMax)
        #expect(ends.client.keyUpdate == nil)
        ends.client.sent(byteCount: 1)
        #expect(ends.client.keyUpdate == Self.keyUpdate(1))
        try ends.client.keyUpdateSent()
        #expect(ends.client.keyUpdate == nil)
    }

    @Test func `a peer that sends key updates and no data is cut off, and data restores what it may send`() throws {
        var ends = try sessions(.aes256GCM)
        for _ in 0..<Limits.tlsIdleMessageCountMax { _ = try ends.server.receive(type: 22, Self.keyUpdate(0)) }
        ends.server.received(byteCount: Limits.tlsMessageAllowanceByteCount)
        for _ in 0..<Limits.tlsIdleMessageCountMax { _ = try ends.server.receive(type: 22, Self.keyUpdate(0)) }
        var failure: TLSFailure?
        do throws(OffloadedSession.Refusal) {
            _ = try ends.server.receive(type: 22, Self.keyUpdate(0))
        } catch {
            failure = error.failure
        }
        #expect(failure?.kind == .limit)
    }

    // MARK: Key log

    @Test func `a secret is read from its line of the key log and from no other`() {
        func secret(_ line: String) -> String? {
            let bytes = Array(line.utf8)
            return unsafe bytes.withUnsafeBytes { line in
                guard let secret = unsafe KeyLogLine.secret(in: line, label: "LABEL", byteCount: 2) else { return nil }
                return unsafe hex(UnsafeRawBufferPointer(secret.bytes))
            }
        }
        #expect(secret("LABEL 00 a1B2") == "a1b2")
        for line in [
            "", "LABEL", "LABEL ", "LABEL 00 a1b", "LABEL 00 a1b2c3", "LABEL 00 a1g2", "LABELS 00 a1b2", "LABEL a1b2",
        ] {
            #expect(secret(line) == nil, "\(line)")
        }
    }

    // MARK: -

    private static func keyUpdate(_ request: UInt8) -> [UInt8] { [24, 0, 0, 1, request] }

    private func offloading() -> TLSOptions {
        var options = TLSOptions()
        options.offersOffload = true
        return options
    }

    /// Both ends of a connection of this suite, right after the handshake.
    private func sessions(
        _ suite: CipherSuite, recordsPerKey: UInt64 = Limits.tlsRecordsPerKeyMax
    ) throws -> Sessions {
        var options = offloading()
        options.cipherSuites = [suite]
        options.recordsPerKey = recordsPerKey
        let pair = try Pair(client: web, server: cart, options: options).connect()
        guard let client = pair.client.connection.offload(), let server = pair.server.connection.offload() else {
            throw TLSFailure(.resources, "no offload")
        }
        return Sessions(client: client, server: server)
    }

    private func key(_ secret: borrowing TrafficSecret) throws -> String {
        var text = ""
        try unsafe secret.keys().withBytes { key, _ in text = unsafe hex(key) }
        return text
    }

    private func trafficSecret(_ suite: CipherSuite, _ text: String) -> TrafficSecret {
        let digits = Array(text)
        let secret = SecretBytes(count: digits.count / 2)
        for index in 0..<digits.count / 2 {
            unsafe secret.bytes[index] = UInt8(String(digits[index * 2...index * 2 + 1]), radix: 16) ?? 0
        }
        return TrafficSecret(suite, secret)
    }
}

private struct Sessions: ~Copyable {
    var client: OffloadedSession
    var server: OffloadedSession
}

private func hex(_ bytes: UnsafeRawBufferPointer) -> String {
    unsafe bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}
