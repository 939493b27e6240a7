import Identity
import Primitives
import TLS
import Testing

struct TLSConnectionTests {
    let mesh: Mesh
    let web: TLSCredentials
    let cart: TLSCredentials

    init() throws {
        mesh = try Mesh()
        web = try mesh.credentials(Mesh.web)
        cart = try mesh.credentials(Mesh.cart)
    }

    @Test func `two workloads of one mesh know each other and speak h2`() throws {
        let pair = try Pair(client: web, server: cart).connect()
        #expect(pair.client.failure == nil && pair.server.failure == nil)
        #expect(pair.client.connection.isEstablished && pair.server.connection.isEstablished)
        #expect(pair.client.connection.peerIdentity == Mesh.cart)
        #expect(pair.server.connection.peerIdentity == Mesh.web)
        #expect(pair.client.connection.hasNegotiatedHTTP2 && pair.server.connection.hasNegotiatedHTTP2)
        #expect(pair.server.connection.cipherSuite == .aes256GCM)
    }

    @Test func `bytes fed one at a time mean the same as all at once`() throws {
        let message = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for size in [1, 7, 1_000, Int.max] {
            let pair = try Pair(client: web, server: cart).connect(pieceByteCount: size)
            pair.client.send(message)
            pair.server.send(message.reversed())
            pair.carry(pieceByteCount: size)
            #expect(pair.server.received == message)
            #expect(pair.client.received == message.reversed())
            #expect(pair.client.failure == nil && pair.server.failure == nil)
        }
    }

    @Test func `what a tunnel lays out at once is encrypted into no more than one read brings`() throws {
        let pair = try Pair(client: web, server: cart).connect()
        pair.client.send([UInt8](repeating: 7, count: Limits.outgoingFrameByteCount))
        #expect(pair.client.output().count <= Limits.receiveByteCountMax)
    }

    @Test func `sends of every size around a record arrive whole`() throws {
        let pair = try Pair(client: web, server: cart).connect()
        var expected: [UInt8] = []
        for size in [0, 1, 16_383, 16_384, 16_385, 32_768, 32_769, 1_000_000] {
            let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ size) }
            expected += message
            pair.client.send(message)
        }
        pair.carry(pieceByteCount: 65_536)
        #expect(pair.server.received == expected)
    }

    @Test func `a pinned suite is the one in use`() throws {
        var options = TLSOptions()
        options.cipherSuites = [.aes128GCM]
        let pair = try Pair(client: web, server: cart, options: options).connect()
        #expect(pair.client.connection.cipherSuite == .aes128GCM)
    }

    @Test func `keys are updated on both sides as the limit says, in the middle of the data`() throws {
        var options = TLSOptions()
        options.recordsPerKey = 4
        let pair = try Pair(client: web, server: cart, options: options).connect()
        let message = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        pair.client.send(message)
        pair.server.send(message)
        pair.carry(pieceByteCount: 5_000)
        #expect(pair.client.failure == nil && pair.server.failure == nil)
        #expect(pair.server.received == message && pair.client.received == message)
        #expect(pair.client.connection.keyUpdateCount >= 20)
        #expect(pair.server.connection.keyUpdateCount >= 20)
    }

    @Test func `no key is updated below the limit`() throws {
        let pair = try Pair(client: web, server: cart).connect()
        pair.client.send([UInt8](repeating: 1, count: 1_000_000))
        #expect(pair.client.connection.keyUpdateCount == 0)
    }

    @Test func `a peer that sends key updates and no data is cut off`() throws {
        var options = TLSOptions()
        options.recordsPerKey = 1
        let pair = try Pair(client: web, server: cart, options: options).connect()
        for _ in 0..<2 * Limits.tlsIdleMessageCountMax where pair.server.failure == nil {
            pair.client.send([1])
            pair.carry()
        }
        #expect(pair.server.failure?.kind == .limit)
        #expect(pair.server.received.count > 10)
    }

    @Test func `close_notify ends one direction and leaves the other open`() throws {
        let pair = try Pair(client: web, server: cart).connect()
        pair.client.send(Array("last words".utf8))
        pair.client.close()
        pair.carry()
        #expect(pair.server.connection.peerClosed && !pair.client.connection.peerClosed)
        #expect(pair.server.received == Array("last words".utf8))
        pair.server.send(Array("answer".utf8))
        pair.server.close()
        pair.carry()
        #expect(pair.client.received == Array("answer".utf8))
        #expect(pair.client.connection.peerClosed)
        #expect(pair.client.failure == nil && pair.server.failure == nil)
        pair.client.send([1])
        #expect(pair.client.failure?.kind == .closed)
    }

    @Test func `a record that was changed on the way is a failure, not data`() throws {
        let pair = try Pair(client: web, server: cart).connect()
        pair.client.send(Array("payload".utf8))
        var record = pair.client.output()
        record[record.count - 1] ^= 1
        pair.server.receive(record)
        #expect(pair.server.failure?.kind == .protocolViolation)
        #expect(pair.server.received.isEmpty)
    }

    @Test func `bytes that are no TLS fail the connection`() throws {
        let context = try TLSContext.workloadServer(cart)
        for garbage in ["GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}hello"] {
            let server = End(try TLSConnection(server: context))
            server.receive(Array(garbage.utf8))
            #expect(server.failure != nil)
            #expect(server.failure?.message.isEmpty == false)
            #expect(!server.connection.isEstablished)
        }
    }

    @Test func `half a ClientHello is waited for`() throws {
        let pair = try Pair(client: web, server: cart)
        pair.client.start()
        let hello = pair.client.output()
        pair.server.receive(Array(hello.prefix(hello.count / 2)))
        #expect(pair.server.failure == nil && pair.server.output().isEmpty)
        pair.server.receive(Array(hello.suffix(hello.count - hello.count / 2)))
        #expect(pair.server.failure == nil && !pair.server.output().isEmpty)
    }

    @Test func `a ClientHello with any one byte changed never crashes and never establishes`() throws {
        let context = try TLSContext.workloadServer(cart)
        let pair = try Pair(client: web, server: cart)
        pair.client.start()
        let hello = pair.client.output()
        for index in hello.indices {
            var changed = hello
            changed[index] ^= 0xff
            let server = End(try TLSConnection(server: context))
            server.receive(changed)
            #expect(!server.connection.isEstablished)
        }
    }

    @Test func `certificates are not compressed`() throws {
        let client = End(
            try TLSConnection(client: TLSContext.workloadClient(web), expecting: [Mesh.cart]))
        client.start()
        let extensions = extensions(ofHello: client.output())
        #expect(extensions.contains(51), "key_share, which every hello has")
        #expect(!extensions.contains(27), "compress_certificate (RFC 8879)")
    }

    /// The numbers of the extensions of a ClientHello in a record of its own (RFC 8446 4.1.2).
    private func extensions(ofHello hello: [UInt8]) -> [Int] {
        func number(at place: Int) -> Int { Int(hello[place]) << 8 | Int(hello[place + 1]) }
        // Record header, handshake header, version, random; then session, suites, compression methods.
        var place = 5 + 4 + 2 + 32
        place += 1 + Int(hello[place])
        place += 2 + number(at: place)
        place += 1 + Int(hello[place])
        place += 2
        var found: [Int] = []
        while place + 4 <= hello.count {
            found.append(number(at: place))
            place += 4 + number(at: place + 2)
        }
        return found
    }

    @Test func `an idle connection holds little memory`() throws {
        let client = try TLSContext.workloadClient(web)
        let server = try TLSContext.workloadServer(cart)
        var pairs: [Pair] = []
        func connect() throws {
            let pair = Pair(
                client: try TLSConnection(client: client, expecting: [Mesh.cart]),
                server: try TLSConnection(server: server))
            pair.connect()
            #expect(pair.server.connection.isEstablished)
            pairs.append(pair)
        }
        try connect()
        let before = residentByteCount()
        for _ in 0..<300 { try connect() }
        let each = (residentByteCount() - before) / 600
        #expect(each < 48_000, "\(each) bytes a connection")
    }
}
