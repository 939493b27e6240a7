public import Schema

/// Which pods of the node are enrolled, which node proxies are connected, and who has to be told what: additions go
/// to the newest proxy, withdrawals to all, for during an upgrade the old one still serves what it took on
/// (istio-cni).
public struct EnrolmentLedger: Sendable {
    /// A connection of a node proxy. Later ones are greater.
    public struct ProxyID: Hashable, Comparable, Sendable {
        let number: UInt64

        public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    }

    /// What the owner of the connections has to do, in order.
    public enum Effect: Equatable, Sendable {
        /// Send a request; beside an addition goes the pod's network namespace.
        case send(WorkloadRequest.Payload, to: ProxyID)
        /// A proxy has said hello and is the newest now.
        case greeted(ProxyID)
        /// End a connection.
        case close(ProxyID, ZDSSession.Violation)
        /// A proxy now serves the pod.
        case enrolled(uid: String)
        /// The proxy could not take the pod on; it is worth trying again.
        case refused(uid: String, reason: String)
    }

    private enum Status { case pending, enrolled, refused }

    private struct Entry {
        let pod: EnrolledPod
        /// Whether we hold its network namespace. If not, a proxy can only be asked to keep what it has.
        var isHoused: Bool
        var status = Status.pending
    }

    private var entries: [String: Entry] = [:]
    private var sessions: [ProxyID: ZDSSession] = [:]
    /// The proxies that have said hello, in that order.
    private var greeted: [ProxyID] = []
    private var proxyCount: UInt64 = 0

    public init() {}

    // MARK: Pods

    /// Enrols a pod whose namespace is at hand. Once more for a known pod: its namespace is another one now, or it was
    /// refused before.
    public mutating func enrol(_ pod: EnrolledPod) -> [Effect] {
        entries[pod.uid] = Entry(pod: pod, isHoused: true)
        guard let newest = greeted.last else { return [] }
        sessions[newest]?.enqueue(pod.addition)
        return advance(newest)
    }

    /// Notes a pod whose namespace cannot be had now: a proxy that serves it already shall not drop it.
    public mutating func hold(_ pod: EnrolledPod) {
        guard entries[pod.uid] == nil else { return }
        entries[pod.uid] = Entry(pod: pod, isHoused: false)
    }

    /// Takes a pod back from all proxies.
    public mutating func withdraw(uid: String) -> [Effect] {
        guard entries.removeValue(forKey: uid) != nil else { return [] }
        var request = DelWorkload()
        request.uid = uid
        var effects: [Effect] = []
        for proxy in greeted {
            sessions[proxy]?.enqueue(.del(request))
            effects += advance(proxy)
        }
        return effects
    }

    /// Offers the pods that were refused again.
    public mutating func retryRefused() -> [Effect] {
        entries.values.filter { $0.status == .refused }.map(\.pod).sorted { $0.uid < $1.uid }.flatMap { enrol($0) }
    }

    // MARK: Proxies

    /// A proxy has connected; it owes its hello.
    public mutating func connect() -> ProxyID {
        proxyCount += 1
        let proxy = ProxyID(number: proxyCount)
        sessions[proxy] = ZDSSession()
        return proxy
    }

    /// Whether the proxy owes a packet.
    public func isAwaiting(_ proxy: ProxyID) -> Bool { sessions[proxy]?.isAwaiting ?? false }

    /// A packet has come.
    public mutating func receive(_ bytes: [UInt8], from proxy: ProxyID) -> [Effect] {
        guard var session = sessions.removeValue(forKey: proxy) else { return [] }
        let reading = session.receive(bytes)
        sessions[proxy] = session
        switch reading {
        case .greeted:
            greeted.append(proxy)
            for entry in entries.values.sorted(by: { $0.pod.uid < $1.pod.uid }) {
                sessions[proxy]?.enqueue(entry.isHoused ? entry.pod.addition : entry.pod.retention)
            }
            sessions[proxy]?.enqueue(.snapshotSent)
            return [.greeted(proxy)] + advance(proxy)
        case .answered(let request, let error):
            return settle(request, error: error) + advance(proxy)
        case .violation(let violation):
            return fail(proxy, violation)
        }
    }

    /// The proxy broke the protocol in a way that shows outside the packets, or kept silent for too long.
    public mutating func fail(_ proxy: ProxyID, _ violation: ZDSSession.Violation) -> [Effect] {
        [.close(proxy, violation)] + disconnect(proxy)
    }

    /// The connection is gone.
    public mutating func disconnect(_ proxy: ProxyID) -> [Effect] {
        let wasNewest = greeted.last == proxy
        sessions[proxy] = nil
        greeted.removeAll { $0 == proxy }
        guard wasNewest, let newest = greeted.last, let toldOf = sessions[newest]?.toldOf else { return [] }
        // What came while the other was the newest, this one has not heard of.
        for entry in entries.values.sorted(by: { $0.pod.uid < $1.pod.uid })
        where entry.isHoused && !toldOf.contains(entry.pod.uid) {
            sessions[newest]?.enqueue(entry.pod.addition)
        }
        return advance(newest)
    }

    private mutating func settle(_ request: WorkloadRequest.Payload, error: String) -> [Effect] {
        guard case .add(let add) = request, let known = entries[add.uid] else { return [] }
        entries[add.uid]?.status = error.isEmpty ? .enrolled : .refused
        guard error.isEmpty else { return [.refused(uid: add.uid, reason: error)] }
        return known.status == .enrolled ? [] : [.enrolled(uid: add.uid)]
    }

    /// Sends the next request that still has a meaning: of a pod that was withdrawn meanwhile, there is nothing to add.
    private mutating func advance(_ proxy: ProxyID) -> [Effect] {
        let known = entries
        let request = sessions[proxy]?.nextRequest { request in
            switch request {
            case .add(let add): known[add.uid]?.isHoused ?? false
            case .keep(let keep): known[keep.uid] != nil
            case .del, .snapshotSent: true
            }
        }
        return request.map { [.send($0, to: proxy)] } ?? []
    }
}
