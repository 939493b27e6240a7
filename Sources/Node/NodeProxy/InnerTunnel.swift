import EventLoop
import HTTP2
import Identity
import Primitives
import System
import TLS
import Tunnel

/// A tunnel within a stream of another, for one connection to a workload of another network. The gateway of that
/// network carries the outer stream's bytes as they are to the node or waypoint where the inner tunnel ends. Between
/// the two lies a pair of sockets, so that the outer stream relays as it does for an application.
final class InnerTunnel {
    /// Why there is none.
    struct Failure: Error {
        /// Nil when another attempt would end alike.
        var setback: ConnectAttempts.Setback?
        /// Whether it was the gateway's.
        var isGateway: Bool
        var reason: String
        /// How metrics say it.
        var flag: ResponseFlag
    }

    /// Told once whether the tunnel is established, so that a stream may be opened on it at once.
    typealias Completion = (Result<TunnelConnection, Failure>) -> Void

    private let worker: Worker
    private let tls: TLSConnection
    private var outer: TunnelStream?
    private var tunnel: TunnelConnection?
    /// Our end of the pair, until the gateway has answered.
    private var near: HeldSocket?
    private var completion: Completion?
    private var refusal: Int?

    /// - Parameter tls: what the peer within is asked to prove.
    init(worker: Worker, tls: TLSConnection, completion: @escaping Completion) throws(Errno) {
        self.worker = worker
        self.tls = tls
        self.completion = completion
        try SocketPair.make { (near, far) throws(Errno) in
            self.near = HeldSocket(near)
            // An inner tunnel without streams is ended, and streams have bounds of their own. Once it has said farewell
            // the gateway has nothing to wait for.
            let silence = SilenceBounds(open: nil, halfClosed: Limits.innerTunnelFarewellDuration)
            outer = try TunnelStream(relaying: far, loop: worker.loop, owner: self, silence: silence)
        }
    }

    /// Asks the gateway, through a tunnel to it, for a way to the service.
    func open(on gateway: Result<TunnelConnection, TunnelFailure>, fields: [HTTPField]) {
        guard let outer, completion != nil else { return }
        switch gateway {
        case .failure(let failure):
            fail(
                failure.isAbandonment ? .tunnel : .endpoint, isGateway: true, "network gateway: \(failure)",
                failure.flag)
        case .success(let gateway):
            do {
                try gateway.open(outer, fields: fields)
            } catch {
                fail(.tunnel, isGateway: true, "the gateway's tunnel takes no more streams: \(error)")
            }
        }
    }

    /// Keeps the tunnel from being made. One that is established ends with its stream.
    func cancel(_ reason: String) {
        guard completion != nil else { return }
        completion = nil
        if let tunnel { tunnel.abandon(reason) } else { outer?.giveUp() }
    }

    /// Ends it if these lists revoke the peer within.
    func close(ifRevokedBy lists: RevocationLists) { tunnel?.close(ifRevokedBy: lists) }

    private func fail(
        _ setback: ConnectAttempts.Setback?, isGateway: Bool, _ reason: String, _ flag: ResponseFlag = .connect
    ) {
        let completion = completion
        self.completion = nil
        outer?.abort(reason)
        completion?(.failure(Failure(setback: setback, isGateway: isGateway, reason: reason, flag: flag)))
    }
}

extension InnerTunnel: TunnelStreamOwner {
    func streamAnswered(_ stream: TunnelStream, status: Int, fields: [HTTPField]) {
        guard status == 200, let near = near?.take() else {
            refusal = status
            return
        }
        do {
            tunnel = try TunnelConnection(
                connecting: near, tls: tls, settings: worker.configuration.tunnelSettings(.tunnelClient),
                expiredDuration: worker.configuration.expiredTunnelDuration, loop: worker.loop,
                buffers: worker.buffers, owner: self)
        } catch {
            fail(.endpoint, isGateway: false, "connection failed: \(error)")
        }
    }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) {
        outer = nil
        if let tunnel { return tunnel.abandon(ending.cause.failure ?? "the gateway ended the outer stream") }
        let reason = refusal.map { "network gateway: http status \($0)" } ?? ending.cause.failure
        let setback = refusal == nil || refusal == 503 ? ending.cause.setback ?? .endpoint : nil
        fail(setback, isGateway: true, reason ?? "the gateway ended the outer stream")
    }
}

extension InnerTunnel: TunnelOwner {
    func tunnelEstablished(_ tunnel: TunnelConnection) {
        let completion = completion
        self.completion = nil
        completion?(.success(tunnel))
        if tunnel.streamCount == 0 { tunnel.drain() }
    }

    func tunnelStreamEnded(_ tunnel: TunnelConnection) {
        // It carries one connection only.
        if tunnel.streamCount == 0 { tunnel.drain() }
    }

    func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?) {
        self.tunnel = nil
        if let failure { worker.noteRevocation(failure, .source, tunnel.peerIdentity) }
        if completion != nil {
            let failure = failure ?? .peerClosed
            fail(.endpoint, isGateway: false, "within the network gateway's tunnel: \(failure)", failure.flag)
        } else if let failure {
            outer?.abort("\(failure)")
        }
    }
}
