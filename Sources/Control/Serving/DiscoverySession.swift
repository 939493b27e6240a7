import Schema

/// One node's delta stream, as a machine: requests and new states of the mesh in, responses out.
///
/// Every subscription is served as a wildcard one: a node knows the whole mesh. Names that a node asks for by
/// themselves are answered too, so that one that waits for a name learns of its absence. Of each type at most one
/// response is on its way; what changes meanwhile goes into the next. A policy is told before the workloads that name
/// it, and taken back after them: a node that knows the name alone would refuse everybody, or nobody.
struct DiscoverySession {
    /// What became of a request, for the log.
    enum Event: Equatable {
        case subscribed(type: String, node: String, heldCount: Int)
        /// The node waits for these names.
        case asked(type: String, names: Set<String>)
        case accepted(type: String, nonce: String)
        case refused(type: String, nonce: String, reason: String)
        /// An answer to a response that is not the latest.
        case stale(type: String, nonce: String)
        case unknownType(String)
    }

    private struct Subscription {
        /// What the node holds, name to version.
        var held: [String: String] = [:]
        /// The response that is not answered yet.
        var pendingNonce: String?
        /// Names asked for that are to be answered whatever the node holds.
        var asked: Set<String> = []
        /// Whether a response is due even if nothing is new: the node waits for the first.
        var owesResponse = true

        func news(in resources: ResourceSnapshot.Resources) -> News {
            News(
                updated: resources.versions.filter { held[$0.key] != $0.value || asked.contains($0.key) },
                removed: held.keys.filter { resources.versions[$0] == nil },
                absent: asked.filter { resources.versions[$0] == nil && held[$0] == nil })
        }
    }

    /// What a node is to hear of one type.
    private struct News {
        var updated: [String: String]
        /// Names of what it holds and is gone.
        var removed: [String]
        /// Names of what it asked for and is not there.
        var absent: [String]

        var isEmpty: Bool { updated.isEmpty && removed.isEmpty && absent.isEmpty }
    }

    private var subscriptions: [ResourceType: Subscription] = [:]
    private var nonceCount: UInt64 = 0

    /// Takes a request in.
    mutating func receive(_ request: DeltaDiscoveryRequest) -> Event {
        guard let type = ResourceType(rawValue: request.typeURL) else { return .unknownType(request.typeURL) }
        let names = Set(request.resourceNamesSubscribe).subtracting(["*"])
        guard subscriptions[type] != nil else {
            subscriptions[type] = Subscription(held: request.initialResourceVersions, asked: names)
            return .subscribed(
                type: type.rawValue, node: request.node?.id ?? "", heldCount: request.initialResourceVersions.count)
        }
        subscriptions[type]?.asked.formUnion(names)
        if !names.isEmpty { subscriptions[type]?.owesResponse = true }
        let nonce = request.responseNonce
        guard !nonce.isEmpty else { return .asked(type: type.rawValue, names: names) }
        guard nonce == subscriptions[type]?.pendingNonce else {
            return .stale(type: type.rawValue, nonce: nonce)
        }
        subscriptions[type]?.pendingNonce = nil
        if let refusal = request.errorDetail {
            return .refused(type: type.rawValue, nonce: nonce, reason: refusal.message)
        }
        return .accepted(type: type.rawValue, nonce: nonce)
    }

    /// The responses that bring the node to this state of the mesh, as far as they may be sent now.
    mutating func responses(for snapshot: ResourceSnapshot) -> [DeltaDiscoveryResponse] {
        let namers = subscriptions[.address]?.news(in: snapshot[.address])
        let policies = response(
            of: .authorization, snapshot[.authorization], keepsRemoved: namers.map { !$0.isEmpty } ?? false)
        let arePoliciesLate =
            policies == nil
            && subscriptions[.authorization].map { !$0.news(in: snapshot[.authorization]).updated.isEmpty } ?? false
        let addresses = arePoliciesLate ? nil : response(of: .address, snapshot[.address])
        return [policies, addresses].compactMap { $0 }
    }

    /// - Parameter keepsRemoved: what is gone is told another time.
    private mutating func response(
        of type: ResourceType, _ resources: ResourceSnapshot.Resources, keepsRemoved: Bool = false
    ) -> DeltaDiscoveryResponse? {
        guard var subscription = subscriptions[type], subscription.pendingNonce == nil else { return nil }
        var news = subscription.news(in: resources)
        let kept = keepsRemoved ? news.removed : []
        if keepsRemoved { news.removed = [] }
        guard !news.isEmpty || subscription.owesResponse else { return nil }

        nonceCount += 1
        var response = DeltaDiscoveryResponse()
        response.typeURL = type.rawValue
        response.nonce = String(nonceCount)
        response.removedResources = (news.removed + news.absent).sorted()
        response.resources = news.updated.sorted { $0.key < $1.key }.map { name, version in
            var payload = AnyMessage()
            payload.typeURL = type.rawValue
            payload.value = resources.bytes[name] ?? []
            var resource = Resource()
            resource.name = name
            resource.version = version
            resource.resource = payload
            return resource
        }
        subscription.held = resources.versions.merging(subscription.held.filter { kept.contains($0.key) }) { $1 }
        subscription.asked = []
        subscription.owesResponse = false
        subscription.pendingNonce = response.nonce
        subscriptions[type] = subscription
        return response
    }
}
