import Glibc
import Primitives
import System
import TLS
import Testing
import Tunnel

/// Tunnels that hand over to the kernel after the handshake. Where the kernel has no TLS they must do the same without;
/// `Tests/kernel-tls` runs this where it has.
@Suite(.serialized) struct KernelTLSTests {
    private func path(_ change: (inout TLSOptions) -> Void = { _ in }) throws -> Path {
        var options = Path.Options()
        options.tls.offersOffload = true
        change(&options.tls)
        return try Path(options)
    }

    /// Has a peer by hand talk to the accepting end.
    private func talk(
        _ change: (inout TLSOptions) -> Void = { _ in }, peer options: TLSOptions = TLSOptions(),
        _ body: @escaping @Sendable (RawPeer) throws -> Void
    ) throws -> Path {
        let path = try path(change)
        let endpoint = try #require(path.accepter.endpoint)
        let context = try TLSContext.workloadClient(path.authority.credentials(Authority.web), options: options)
        try path.run(
            { _ in
                let tls = try TLSConnection(client: context, expecting: [Authority.cart])
                try body(RawPeer(endpoint, tls))
            }, until: { path.accepter.tunnels.isEmpty })
        return path
    }

    /// Connections that the kernel has taken over so far; nil if this kernel need not have TLS.
    private var takenOverCount: Int? {
        guard unsafe getenv("CULVERT_KERNEL_TLS") != nil else { return nil }
        let text = (try? FileSystem.read("/proc/net/tls_stat")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("TlsTxSw ") }
        return line.flatMap { $0.split(whereSeparator: \.isWhitespace).last }.flatMap { Int($0) } ?? 0
    }

    @Test(arguments: CipherSuite.allCases)
    func `2 MiB both ways at once arrive whole with each suite`(suite: CipherSuite) throws {
        let before = takenOverCount
        let path = try path { $0.cipherSuites = [suite] }
        try path.run { try Self.exchange($0, byteCount: 2 << 20) }
        #expect(path.accepter.peers == [Authority.web])
        if let before, let after = takenOverCount { #expect(after == before + 2) }
    }

    @Test func `keys are replaced in the middle of bulk, at both ends`() throws {
        let path = try path { $0.recordsPerKey = 20 }
        try path.run { try Self.exchange($0, byteCount: 2 << 20) }
        #expect(path.accepter.failures.isEmpty && path.opener.pool.tunnelCount == 1)
    }

    @Test func `keys are replaced for a peer that is no kernel, and as it asks`() throws {
        var options = TLSOptions()
        options.recordsPerKey = 2
        let path = try talk({ $0.recordsPerKey = 2 }, peer: options) { peer in
            try peer.send(RawPeer.preface)
            for number in 0..<20 as Range<UInt8> {
                try peer.send(RawPeer.ping(number))
                let isAnswered = try peer.receive(until: RawPeer.ping(number, isAcknowledgement: true))
                #expect(isAnswered)
            }
            #expect(peer.tls.keyUpdateCount >= 9)
            try peer.close()
            try peer.receiveAll()
            #expect(peer.tls.peerClosed)
        }
        #expect(path.accepter.failures.isEmpty)
    }

    @Test func `data that comes together with the end of the handshake is not lost`() throws {
        _ = try talk { peer in
            try peer.send(RawPeer.preface + RawPeer.ping(7))
            let isAnswered = try peer.receive(until: RawPeer.ping(7, isAcknowledgement: true))
            #expect(isAnswered)
            try peer.close()
        }
    }

    @Test func `a farewell is answered with one`() throws {
        let path = try talk { peer in
            try peer.send(RawPeer.preface)
            try peer.close()
            try peer.receiveAll()
            #expect(peer.tls.peerClosed && peer.failure == nil)
        }
        #expect(path.accepter.failures.isEmpty)
    }

    @Test func `a record that was changed on the way ends the tunnel with an alert`() throws {
        let path = try talk { peer in
            try peer.send(RawPeer.preface)
            _ = try peer.receive(until: [0, 0, 0, 4, 1])
            try peer.sendRaw([23, 3, 3, 0, 32] + [UInt8](repeating: 7, count: 32))
            try peer.receiveAll()
            #expect(peer.failure?.kind == .alertReceived(20))
        }
        #expect(path.accepter.failures.map(\.handshakeKind) == [.protocolViolation])
    }

    @Test func `a record that is too long ends the tunnel`() throws {
        let path = try talk { peer in
            try peer.send(RawPeer.preface)
            _ = try peer.receive(until: [0, 0, 0, 4, 1])
            try peer.sendRaw([23, 3, 3, 0x7f, 0xff] + [UInt8](repeating: 7, count: 0x7fff))
            try peer.receiveAll()
        }
        #expect(path.accepter.failures.map(\.handshakeKind) == [.protocolViolation])
    }

    @Test func `a peer that sends key updates and nothing else is cut off`() throws {
        var options = TLSOptions()
        options.recordsPerKey = 1
        let path = try talk(peer: options) { peer in
            try peer.send(RawPeer.preface)
            // A frame of a type that nobody knows, byte by byte, with a key update before each.
            let frame =
                [0, 16, 0, 250, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 2 * Limits.tlsIdleMessageCountMax)
            for byte in frame { try? peer.send([byte]) }
            try peer.receiveAll()
        }
        #expect(path.accepter.failures.map(\.handshakeKind) == [.limit])
    }

    @Test func `a peer that goes without a word leaves nothing behind`() throws {
        let path = try talk { peer in
            try peer.send(RawPeer.preface)
            _ = try peer.receive(until: [0, 0, 0, 4, 1])
        }
        #expect(path.accepter.tunnels.isEmpty)
    }

    private static func exchange(_ entrance: Endpoint, byteCount: Int) throws {
        let client = try Client(entrance)
        let all = pattern(byteCount, seed: 5)
        let socket = client.socket
        Job { sendAll(socket, all) }.start()
        let answer = try client.receiveAll(all.count)
        #expect(answer == all)
    }
}

extension TunnelFailure {
    fileprivate var handshakeKind: TLSFailure.Kind? {
        if case .handshake(let failure) = self { failure.kind } else { nil }
    }
}
