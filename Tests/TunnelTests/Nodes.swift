import EventLoop
import Glibc
import HTTP2
import Identity
import Primitives
import System
import TLS

@testable import Tunnel

/// The smallest node there is: takes plain connections, and carries each to one target through the tunnel of one peer.
final class Opener: EventHandler, TunnelStreamOwner {
    let loop: EventLoop
    let buffers = RelayBuffers()
    let pool: TunnelPool
    let listener: OwnedDescriptor
    private let context: TLSContext
    private let peer: Endpoint
    private let target: Endpoint
    private(set) var endings: [RelayEnding] = []
    private(set) var failures: [TunnelFailure] = []
    private(set) var statuses: [Int] = []

    private let options: Path.Options
    private var carriedCount = 0
    private(set) var dialCount = 0

    init(
        loop: EventLoop, credentials: TLSCredentials, peer: Endpoint, target: Endpoint, options: Path.Options
    ) throws {
        self.loop = loop
        self.options = options
        self.peer = peer
        self.target = target
        pool = TunnelPool(
            loop: loop, idleDuration: options.idleDuration, surplusDuration: options.surplusDuration,
            streamCountMax: options.streamCountMax, idleCountMax: options.idleCountMax)
        context = try TLSContext.workloadClient(credentials, options: options.tls)
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        _ = try loop.register(listener, for: .listener, handler: self)
    }

    var endpoint: Endpoint? { TCPSocket.localEndpoint(of: listener) }

    /// Passes over so many identities.
    func skip(_ count: Int) { carriedCount += count }

    func ready(_ events: ReadyEvents) {
        while let accepted = try? TCPSocket.accept(listener) { carry(accepted.take()) }
    }

    private func carry(_ socket: consuming OwnedDescriptor) {
        guard
            let stream = try? TunnelStream(
                relaying: socket, loop: loop, owner: self, silence: options.openerSilence)
        else { return }
        let source = SPIFFEID(
            trustDomain: "cluster.local", namespace: "shop",
            serviceAccount: "web\(carriedCount % options.identityCount)")
        let target = carriedCount > 0 ? options.secondTarget ?? target : target
        carriedCount += 1
        let key = TunnelKey(source: source, expected: [options.expected], destination: peer, workload: "cart")
        pool.tunnel(for: key, dial: { [unowned self] owner throws(TunnelFailure) in try dial(owner) }) { result in
            switch result {
            case .success(let tunnel):
                try? tunnel.open(
                    stream, fields: [HTTPField(":method", "CONNECT"), HTTPField(":authority", target.description)])
            case .failure(let failure):
                self.failures.append(failure)
                stream.abort("\(failure)")
            }
        }
    }

    private func dial(_ owner: any TunnelOwner) throws(TunnelFailure) -> TunnelConnection {
        dialCount += 1
        do {
            let tls = try TLSConnection(client: context, expecting: [options.expected])
            return try TunnelConnection(
                connecting: TCPSocket.connect(to: peer), tls: tls, expiredDuration: options.expiredDuration, loop: loop,
                buffers: buffers, owner: owner)
        } catch let failure as TLSFailure {
            throw .handshake(failure)
        } catch let failure as Errno {
            throw .connect(failure)
        } catch {
            throw .abandoned("\(error)")
        }
    }

    func streamAnswered(_ stream: TunnelStream, status: Int, fields: [HTTPField]) { statuses.append(status) }
    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) { endings.append(ending) }
}

/// The smallest peer there is: accepts tunnels and connects each stream to where its authority says.
final class Accepter: EventHandler, TunnelOwner, TunnelStreamOwner {
    let loop: EventLoop
    let buffers: RelayBuffers
    let listener: OwnedDescriptor
    private let context: TLSContext
    private(set) var tunnels: [TunnelConnection] = []
    private(set) var endings: [RelayEnding] = []
    private(set) var failures: [TunnelFailure] = []
    private(set) var peers: [SPIFFEID?] = []

    private let sources: [SourceTurn]
    private let settings: HTTP2Settings
    private let expiredDuration: Duration
    private let applicationSendByteCount: Int32?
    private let silence: SilenceBounds
    private let leavesAtOnce: Bool

    init(loop: EventLoop, credentials: TLSCredentials, options: Path.Options) throws {
        self.loop = loop
        (applicationSendByteCount, silence) = (options.applicationSendByteCount, options.accepterSilence)
        buffers = RelayBuffers(limits: options.receive)
        leavesAtOnce = options.leavesAtOnce
        var settings = HTTP2Settings.tunnelServer
        settings.streamCountMax = options.acceptedStreamCountMax
        self.settings = settings
        expiredDuration = options.expiredDuration
        sources = options.sources
        context = try TLSContext.workloadServer(credentials, options: options.tls)
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        _ = try loop.register(listener, for: .listener, handler: self)
    }

    var endpoint: Endpoint? { TCPSocket.localEndpoint(of: listener) }

    func ready(_ events: ReadyEvents) {
        while let accepted = try? TCPSocket.accept(listener) {
            guard let tls = try? TLSConnection(server: context),
                let tunnel = try? TunnelConnection(
                    accepting: accepted.take(), tls: tls, settings: settings, expiredDuration: expiredDuration,
                    source: tunnels.count < sources.count ? sources[tunnels.count] : nil, loop: loop,
                    buffers: buffers, owner: self)
            else { continue }
            tunnels.append(tunnel)
        }
    }

    func tunnelEstablished(_ tunnel: TunnelConnection) {
        peers.append(tunnel.peerIdentity)
        if leavesAtOnce { tunnel.ownedSession?.goAway() }
    }

    func tunnelRequested(_ tunnel: TunnelConnection, _ stream: TunnelStream, head: [HTTPField]) {
        stream.adopt(by: self, silence: silence)
        let authority = head.first(named: ":authority").map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
        guard let target = Endpoint(authority), let socket = try? TCPSocket.connect(to: target) else {
            return stream.refuse([HTTPField(":status", "503")])
        }
        if let applicationSendByteCount { setBuffer(of: socket.raw, SO_SNDBUF, applicationSendByteCount) }
        try? stream.connect(socket)
    }

    func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?) {
        tunnels.removeAll { $0 === tunnel }
        if let failure { failures.append(failure) }
    }

    func streamConnected(_ stream: TunnelStream) { stream.accept([HTTPField(":status", "200")]) }
    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) { endings.append(ending) }
}
