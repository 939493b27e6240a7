import EventLoop
import Glibc
import HTTP2
import Primitives
import System
import TLS
@testable import Tunnel

extension FuzzTarget {
    /// The accepting end of a tunnel takes whatever an authenticated peer says, ends every stream and itself once, and
    /// leaves no descriptor open. Turns that have no time for it all make no difference to what it takes.
    static let tunnel = FuzzTarget("tunnel") { bytes in
        let before = FuzzedPeer.nextDescriptor
        let frameCount = TunnelFuzzing.run(bytes, isHurried: false)
        let isHurried = bytes.first.map { $0 & 64 != 0 } ?? false
        if isHurried, let frameCount, let hurried = TunnelFuzzing.run(bytes, isHurried: true) {
            check(hurried == frameCount, "turns make no difference: \(frameCount) frames, \(hurried)")
        }
        TunnelFuzzing.loop.turn(waitingAtMost: .zero)
        check(FuzzedPeer.nextDescriptor == before, "no descriptor is left open")
    }
}

extension TunnelFuzzing {
    /// - Returns: how many frames a tunnel has taken that is open in the end.
    static func run(_ bytes: [UInt8], isHurried: Bool) -> UInt64? {
        var choices = Choices(bytes)
        let (peer, socket) = FuzzedPeer.make()
        let owner = TunnelFuzzing(behaviour: choices.byte(), isHurried: isHurried)
        let tunnel = expectSuccess {
            try TunnelConnection(
                accepting: OwnedDescriptor(adopting: socket), tls: TLSConnection(server: FuzzAuthority.server),
                loop: loop, buffers: buffers, owner: owner)
        }
        peer.run(loop, turns: 12)
        check(owner.establishedCount == 1, "a peer of the mesh is let in")
        let mode = choices.byte()
        if mode & 1 == 0 {
            peer.send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Frames.frame(4, 0, 0, []))
        }
        while !choices.isExhausted {
            if mode & 2 == 0 { peer.send(choices.frame(.server)) } else { peer.send(choices.take(200)) }
            if mode & 4 == 0 || choices.oneIn(8) { peer.run(loop, turns: 4) }
            if choices.oneIn(32) { tunnel.drain() }
            owner.actAsApplications()
        }
        if mode & 8 == 0 { peer.sendRaw([23, 3, 3, 0, 1, 0]) }
        peer.run(loop, turns: 8)
        owner.takeRest(of: tunnel)
        owner.inspect(tunnel)
        let frameCount = owner.closedCount == 0 && tunnel.pauseTimer == nil ? tunnel.ownedSession?.frameCount : nil
        if mode & 16 == 0 { peer.finish() }
        peer.run(loop, turns: 4)
        tunnel.abandon("the end of the input")
        loop.turn(waitingAtMost: .zero)
        check(owner.closedCount == 1, "a tunnel is closed once")
        owner.inspect(tunnel)
        check(tunnel.streamCount == 0 && owner.endedCount == owner.requestedCount, "every stream ends once")
        return frameCount
    }
}

/// Everything behind the accepting end: decides on streams, and plays the applications.
private final class TunnelFuzzing: TunnelOwner, TunnelStreamOwner {
    // One thread uses them: libFuzzer calls a target on its main thread only.
    nonisolated(unsafe) static let clock = ManualClock(now: Instant(nanoseconds: 1))
    nonisolated(unsafe) static let loop = expectSuccess { try EventLoop(clock: clock) }
    nonisolated(unsafe) static let buffers = RelayBuffers()

    private let behaviour: UInt8
    private let isHurried: Bool
    private(set) var establishedCount = 0
    private(set) var closedCount = 0
    private(set) var requestedCount = 0
    private(set) var endedCount = 0
    private var applications: [CInt] = []

    init(behaviour: UInt8, isHurried: Bool) { (self.behaviour, self.isHurried) = (behaviour, isHurried) }

    deinit { for application in applications { close(application) } }

    func inspect(_ tunnel: TunnelConnection) {
        check(tunnel.streamCount >= 0, "streams are counted")
        check(
            tunnel.streamCount == requestedCount - endedCount, "open streams are those that have not ended")
    }

    func actAsApplications() {
        for application in applications {
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
                room.initializeMemory(as: UInt8.self, repeating: 0x63)
                if behaviour & 8 == 0 { _ = recv(application, room.baseAddress, room.count, 0) }
                if behaviour & 16 == 0 { _ = send(application, room.baseAddress, 300, CInt(MSG_NOSIGNAL)) }
            }
            if behaviour & 32 != 0 { shutdown(application, CInt(SHUT_WR)) }
        }
    }

    /// What a turn had no time for is taken in later ones.
    func takeRest(of tunnel: TunnelConnection) {
        for _ in 0..<1000 where !tunnel.untaken.isEmpty && tunnel.pauseTimer == nil {
            Self.loop.turn(waitingAtMost: .zero)
        }
        check(tunnel.untaken.isEmpty || tunnel.pauseTimer != nil, "all frames are taken some time")
    }

    func tunnelEstablished(_ tunnel: TunnelConnection) { establishedCount += 1 }

    func tunnelRequested(_ tunnel: TunnelConnection, _ stream: TunnelStream, head: [HTTPField]) {
        requestedCount += 1
        // With the second one the turn is over.
        if isHurried { Self.clock.advance(by: Limits.peerTurnDuration * 3 / 4) }
        stream.adopt(by: self)
        guard behaviour & 3 != 3, applications.count < 64 else { return stream.refuse([HTTPField(":status", "503")]) }
        let (ours, theirs) = FuzzedPeer.sockets()
        applications.append(theirs)
        try? stream.connect(OwnedDescriptor(adopting: ours))
    }

    func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?) { closedCount += 1 }

    func streamConnected(_ stream: TunnelStream) {
        if behaviour & 4 == 0 { stream.accept([HTTPField(":status", "200")]) }
    }

    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding) { endedCount += 1 }
}
