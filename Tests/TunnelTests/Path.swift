import EventLoop
import Glibc
import Primitives
import System
import Tunnel
import Testing

/// An opener, an accepter and an application on one loop, which turns while the body of a test runs on another thread.
final class Path {
    let loop: EventLoop
    let authority: Authority
    let opener: Opener
    let accepter: Accepter
    let echo: Echo
    let entrance: Endpoint

    /// What a test asks for beside the usual.
    struct Options {
        var target: Endpoint?
        /// Where all connections but the first go.
        var secondTarget: Endpoint?
        /// What the accepter keeps for applications that do not read.
        var receive = ReceiveLimits()
        /// SO_SNDBUF of its sockets to applications, if not the usual.
        var applicationSendByteCount: Int32?
        /// What the opener's streams are held to, and the accepter's.
        var openerSilence = SilenceBounds()
        var accepterSilence = SilenceBounds()
        /// The accepter says farewell as soon as a tunnel is there, and takes no stream.
        var leavesAtOnce = false
        /// How the opener's pool is set.
        var idleDuration: Duration = Limits.tunnelIdleDuration
        var surplusDuration: Duration = Limits.tunnelSurplusDuration
        var streamCountMax = Limits.tunnelStreamCountMax
        var idleCountMax = Limits.idleTunnelCountMax
        /// Streams that the accepter takes at once on one tunnel.
        var acceptedStreamCountMax = Limits.tunnelAcceptedStreamCountMax
        /// What the tunnels to it share with others of where they come from, in the order in which they come.
        var sources: [SourceTurn] = []
        /// Who the accepter must be.
        var expected = Authority.cart
        /// Identities that take turns in dialling.
        var identityCount = 1
        /// Of both ends.
        var tls = Authority.tlsOptions
        /// What the loop takes for the time, if not the clock of the machine.
        var clock: ManualClock?
        /// How long the ends' certificates hold, and how long streams may outlive them.
        var openerLifetime: Duration = .seconds(3600)
        var accepterLifetime: Duration = .seconds(3600)
        var expiredDuration = Limits.expiredTunnelDuration
    }

    init(_ options: Options = Options()) throws {
        authority = try Authority()
        loop = try EventLoop(clock: options.clock)
        echo = try Echo(loop: loop)
        accepter = try Accepter(
            loop: loop, credentials: authority.credentials(Authority.cart, lifetime: options.accepterLifetime),
            options: options)
        opener = try Opener(
            loop: loop, credentials: authority.credentials(Authority.web, lifetime: options.openerLifetime),
            peer: #require(accepter.endpoint),
            target: #require(options.target ?? echo.endpoint), options: options)
        entrance = try #require(opener.endpoint)
    }

    /// Turns the loop until the body, on its own thread, has returned, and then until `settled`.
    func run(
        _ body: @escaping @Sendable (Endpoint) throws -> Void, until settled: () -> Bool = { true },
        turning: () -> Void = {}
    ) throws {
        let entrance = entrance
        try loop.turn(while: { try body(entrance) }, until: settled, turning: turning)
    }
}

func pattern(_ count: Int, seed: UInt8) -> [UInt8] {
    var state = UInt32(seed) | 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

func sendAll(_ socket: Int32, _ bytes: [UInt8]) {
    var sent = 0
    while sent < bytes.count {
        let count = unsafe bytes.withUnsafeBytes {
            unsafe Glibc.send(
                socket, $0.baseAddress.map { unsafe $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
        }
        if count <= 0 { return }
        sent += count
    }
}
