public import EventLoop
public import Identity
public import Primitives
public import TLS

/// What two connections must have in common to share a tunnel.
public struct TunnelKey: Hashable, Sendable {
    /// Whose certificate is shown.
    public let source: SPIFFEID
    /// Who the peer may be, in order.
    public let expected: [SPIFFEID]
    public let destination: Endpoint
    /// The workload that is meant: an address that was given to another pod never receives this one's traffic.
    public let workload: String

    public init(source: SPIFFEID, expected: [SPIFFEID], destination: Endpoint, workload: String) {
        self.source = source
        self.expected = expected
        self.destination = destination
        self.workload = workload
    }
}

/// The tunnels that one worker has opened. For each key at most one is being made at a time; whoever asks meanwhile
/// waits for it and fails with it. A tunnel takes streams up to the bound of its peer and its own; then a further one
/// is made. One that is not used for a while is closed, sooner if there is another like it.
public final class TunnelPool {
    /// Told whether there is a tunnel with room for a stream, which is then to be opened at once.
    public typealias Completion = (Result<TunnelConnection, TunnelFailure>) -> Void
    /// Starts a new tunnel that tells the pool what happens.
    public typealias Dial = (any TunnelOwner) throws(TunnelFailure) -> TunnelConnection

    /// What there is under one key.
    private final class Entry {
        let key: TunnelKey
        var tunnels: [TunnelConnection] = []
        var connecting: TunnelConnection?
        var waiting: [(dial: Dial, completion: Completion)] = []
        init(key: TunnelKey) { self.key = key }

        /// Streams that the peer took at once on the tunnel that settled last: what the next is trusted with until it
        /// has said so itself.
        var settledStreamCountMax = Limits.tunnelUnsettledStreamCountMax

        /// The first tunnel with room: streams gather on as few tunnels as possible.
        func available(_ streamCountMax: Int) -> TunnelConnection? {
            tunnels.first {
                $0.isOpen && !$0.isDoubtful
                    && $0.streamCount < min(streamCountMax, $0.peerStreamCountMax ?? settledStreamCountMax)
            }
        }

        /// Whether a tunnel will soon have room, or have said that it has none.
        var isExpecting: Bool {
            connecting != nil || tunnels.contains { $0.isOpen && !$0.isDoubtful && $0.peerStreamCountMax == nil }
        }
    }

    private let loop: EventLoop
    private let idleDuration: Duration
    private let surplusDuration: Duration
    private let streamCountMax: Int
    private var entries: [TunnelKey: Entry] = [:]
    private var entriesByTunnel: [ObjectIdentifier: Entry] = [:]
    private let idleCountMax: Int
    /// Told of each tunnel that could not be made or was lost, before those who wait for it.
    public var lost: (TunnelKey, TunnelConnection, TunnelFailure) -> Void = { _, _, _ in }
    /// Of tunnels without streams, and since when each has none.
    private var idleTimers: [ObjectIdentifier: (token: TimerToken, since: Instant)] = [:]

    /// - Parameters:
    ///   - idleDuration: how long a tunnel without streams is kept.
    ///   - surplusDuration: how long one is kept beside an older one of the same key that has room, if that is shorter.
    ///   - streamCountMax: streams that we open at once on one tunnel, unless its peer allows fewer.
    ///   - idleCountMax: tunnels without streams that are kept; of more, those that are without for longest go.
    public init(
        loop: EventLoop, idleDuration: Duration = Limits.tunnelIdleDuration,
        surplusDuration: Duration = Limits.tunnelSurplusDuration,
        streamCountMax: Int = Limits.tunnelStreamCountMax, idleCountMax: Int = Limits.idleTunnelCountMax
    ) {
        self.loop = loop
        self.streamCountMax = streamCountMax
        self.idleCountMax = idleCountMax
        self.idleDuration = idleDuration
        self.surplusDuration = min(idleDuration, surplusDuration)
    }

    /// Tunnels that are open or being made.
    public var tunnelCount: Int { entriesByTunnel.count }

    /// Finds a tunnel with room under `key`, or makes one with `dial`. The completion is called exactly once, perhaps
    /// before this returns.
    public func tunnel(for key: TunnelKey, dial: @escaping Dial, completion: @escaping Completion) {
        let entry: Entry
        if let known = entries[key] {
            entry = known
        } else {
            entry = Entry(key: key)
            entries[key] = entry
        }
        if let tunnel = entry.available(streamCountMax) {
            take(tunnel)
            return completion(.success(tunnel))
        }
        entry.waiting.append((dial, completion))
        if !entry.isExpecting { connect(entry) }
    }

    /// Lets the streams of all tunnels finish and closes each after its last.
    public func drain() {
        for entry in entries.values {
            entry.connecting?.drain()
            for tunnel in entry.tunnels { tunnel.drain() }
        }
    }

    /// The same for those of some keys. A tunnel that is being made has somebody who waits for it, and stays.
    public func drain(where isGone: (TunnelKey) -> Bool) {
        for entry in entries.values where isGone(entry.key) {
            for tunnel in entry.tunnels { tunnel.drain() }
        }
    }

    /// Ends everything at once.
    public func abandon(_ reason: String) {
        for entry in Array(entries.values) {
            entry.connecting?.abandon(reason)
            for tunnel in entry.tunnels { tunnel.abandon(reason) }
        }
    }

    /// Ends those whose peers these lists revoke.
    public func close(ifRevokedBy lists: RevocationLists) {
        for entry in Array(entries.values) {
            for tunnel in entry.tunnels + [entry.connecting].compactMap({ $0 }) { tunnel.close(ifRevokedBy: lists) }
        }
    }

    private func connect(_ entry: Entry) {
        guard let dial = entry.waiting.first?.dial else { return }
        do throws(TunnelFailure) {
            let tunnel = try dial(self)
            entry.connecting = tunnel
            entriesByTunnel[ObjectIdentifier(tunnel)] = entry
        } catch {
            failWaiting(entry, error)
        }
    }

    private func failWaiting(_ entry: Entry, _ failure: TunnelFailure) {
        let waiting = entry.waiting
        entry.waiting = []
        dropIfUnused(entry)
        for waiter in waiting { waiter.completion(.failure(failure)) }
    }

    private func serveWaiting(_ entry: Entry) {
        while !entry.waiting.isEmpty, let tunnel = entry.available(streamCountMax) {
            take(tunnel)
            // Opens its stream in here, which counts against the room of the tunnel.
            entry.waiting.removeFirst().completion(.success(tunnel))
        }
        if !entry.waiting.isEmpty, !entry.isExpecting { connect(entry) }
    }

    private func take(_ tunnel: TunnelConnection) {
        tunnel.lastUse = loop.now
        stopTimer(of: tunnel)
    }

    private func stopTimer(of tunnel: TunnelConnection) {
        if let timer = idleTimers.removeValue(forKey: ObjectIdentifier(tunnel)) { loop.cancel(timer.token) }
    }

    private func dropIfUnused(_ entry: Entry) {
        guard entry.tunnels.isEmpty, entry.connecting == nil, entry.waiting.isEmpty else { return }
        if entries[entry.key] === entry { entries[entry.key] = nil }
    }
}

extension TunnelPool: TunnelOwner {
    public func tunnelEstablished(_ tunnel: TunnelConnection) {
        guard let entry = entriesByTunnel[ObjectIdentifier(tunnel)] else { return }
        entry.connecting = nil
        entry.tunnels.append(tunnel)
        serveWaiting(entry)
        if tunnel.streamCount == 0 { tunnelStreamEnded(tunnel) }
    }

    public func tunnelSettled(_ tunnel: TunnelConnection) {
        guard let entry = entriesByTunnel[ObjectIdentifier(tunnel)] else { return }
        if let count = tunnel.peerStreamCountMax { entry.settledStreamCountMax = count }
        if !entry.waiting.isEmpty { serveWaiting(entry) }
    }

    public func tunnelStreamEnded(_ tunnel: TunnelConnection) {
        guard let entry = entriesByTunnel[ObjectIdentifier(tunnel)] else { return }
        if !entry.waiting.isEmpty { serveWaiting(entry) }
        guard tunnel.streamCount == 0, tunnel.isOpen else { return }
        stopTimer(of: tunnel)
        let name = ObjectIdentifier(tunnel)
        let left = timeLeft(tunnel)
        guard left > .zero else { return tunnel.drain() }
        // By name: a weak reference would slow every use of the tunnel down.
        let token = loop.after(min(surplusDuration, left)) { [weak self] in self?.releaseSurplus(name) }
        idleTimers[name] = (token, loop.now)
        if idleTimers.count > idleCountMax, let oldest = idleTimers.min(by: { $0.value.since < $1.value.since }) {
            loop.cancel(oldest.value.token)
            releaseIdle(oldest.key)
        }
    }

    /// A tunnel's time counts from its last new stream (ztunnel).
    private func timeLeft(_ tunnel: TunnelConnection) -> Duration { idleDuration - (loop.now - tunnel.lastUse) }

    /// An idle tunnel goes if an older one under its key has room: streams gather on that. Otherwise it has more time.
    private func releaseSurplus(_ name: ObjectIdentifier) {
        guard let timer = idleTimers.removeValue(forKey: name) else { return }
        let oldest = entriesByTunnel[name]?.available(streamCountMax)
        guard let oldest, ObjectIdentifier(oldest) == name, timeLeft(oldest) > .zero else { return releaseIdle(name) }
        let token = loop.after(timeLeft(oldest)) { [weak self] in self?.releaseIdle(name) }
        idleTimers[name] = (token, timer.since)
    }

    private func releaseIdle(_ name: ObjectIdentifier) {
        idleTimers[name] = nil
        let tunnel = entriesByTunnel[name]?.tunnels.first { ObjectIdentifier($0) == name }
        if let tunnel, tunnel.streamCount == 0 { tunnel.drain() }
    }

    public func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?) {
        stopTimer(of: tunnel)
        guard let entry = entriesByTunnel.removeValue(forKey: ObjectIdentifier(tunnel)) else { return }
        if let failure { lost(entry.key, tunnel, failure) }
        if entry.connecting === tunnel {
            entry.connecting = nil
            return failWaiting(entry, failure ?? .peerClosed)
        }
        entry.tunnels.removeAll { $0 === tunnel }
        serveWaiting(entry)
        dropIfUnused(entry)
    }
}

@available(*, unavailable) extension TunnelPool: Sendable {}
