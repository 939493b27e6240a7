import Schema

/// One node's delta stream, as a machine: requests and new states of the mesh in, responses out.
///
/// Every subscription is served as a wildcard one: a node knows the whole mesh. Names that a node asks for by
/// themselves are answered too, so that one that waits for a name learns of its absence. Of each type at most one
/// response is on its way; what changes meanwhile goes into the next.
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
        ResourceType.allCases.compactMap { response(of: $0, snapshot[$0]) }
    }

    private mutating func response(
        of type: ResourceType, _ resources: ResourceSnapshot.Resources
    ) -> DeltaDiscoveryResponse? {
        guard var subscription = subscriptions[type], subscription.pendingNonce == nil else { return nil }
        let asked = subscription.asked
        let updated = resources.versions.filter { subscription.held[$0.key] != $0.value || asked.contains($0.key) }
        var removed = subscription.held.keys.filter { resources.versions[$0] == nil }
        removed += asked.filter { resources.versions[$0] == nil && subscription.held[$0] == nil }
        guard !updated.isEmpty || !removed.isEmpty || subscription.owesResponse else { return nil }

        nonceCount += 1
        var response = DeltaDiscoveryResponse()
        response.typeURL = type.rawValue
        response.nonce = String(nonceCount)
        response.removedResources = removed.sorted()
        response.resources = updated.sorted { $0.key < $1.key }.map { name, version in
            var payload = AnyMessage()
            payload.typeURL = type.rawValue
            payload.value = resources.bytes[name] ?? []
            var resource = Resource()
            resource.name = name
            resource.version = version
            resource.resource = payload
            return resource
        }
        subscription.held = resources.versions
        subscription.asked = []
        subscription.owesResponse = false
        subscription.pendingNonce = response.nonce
        subscriptions[type] = subscription
        return response
    }
}
