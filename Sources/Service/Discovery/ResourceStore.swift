import Identity
public import Mesh
import Policy
public import Schema

/// The client's half of the delta protocol without its transport: takes responses, keeps the state and what the server
/// needs to know of it, and makes the requests.
public struct ResourceStore {
    /// What became of a response.
    public struct Outcome {
        public let update: DiscoveryUpdate
        /// The acknowledgement, or the refusal with its reasons.
        public let reply: DeltaDiscoveryRequest
        /// How many bytes its resources had.
        public let byteCount: Int
        /// Under which names addresses came and went, on demand.
        let present: [String]
        let removed: [String]
    }

    public private(set) var state: MeshState
    private let node: Schema.Node
    /// Whether addresses come only as they are asked for.
    let isOnDemand: Bool
    private var folding = ResourceFolding()
    private var held: [ResourceType: HeldResources] = [:]
    /// Types of which a response was taken without a complaint.
    private var acceptedTypes: Set<ResourceType> = []

    public init(settings: MeshSettings, node: Schema.Node, isOnDemand: Bool = false) {
        state = MeshState(settings: settings)
        self.node = node
        self.isOnDemand = isOnDemand
    }

    /// Whether the first state is complete: a response was accepted of each type that comes unasked. Never becomes
    /// false again.
    public var isReady: Bool {
        ResourceType.allCases.allSatisfy { isOnDemand && $0 == .address || acceptedTypes.contains($0) }
    }

    /// The first requests of a stream, in order: all resources of each type, but for those held already. On demand that
    /// is no address, but for those held already and the `pending` names.
    public func subscriptions(awaiting pending: Set<String> = []) -> [DeltaDiscoveryRequest] {
        ResourceType.allCases.map { type in
            var request = DeltaDiscoveryRequest()
            request.node = node
            request.typeURL = type.typeURL
            let held = held[type] ?? HeldResources()
            request.initialResourceVersions = held.versions
            guard isOnDemand, type == .address else { return request }
            // ztunnel's way to say: nothing yet.
            request.resourceNamesSubscribe = ["*"]
            request.resourceNamesUnsubscribe = ["*"]
            for name in pending where !held.contains(name) { request.initialResourceVersions[name] = "" }
            return request
        }
    }

    /// Asks for addresses by name.
    func request(for names: [String]) -> DeltaDiscoveryRequest {
        var request = DeltaDiscoveryRequest()
        request.typeURL = ResourceType.address.typeURL
        request.resourceNamesSubscribe = names
        return request
    }

    /// Applies a response: updates in their order, then removals. Resources that are refused leave the state as it was,
    /// and the others apply all the same.
    public mutating func apply(_ response: some DeltaResponse) -> Outcome {
        var reply = DeltaDiscoveryRequest()
        reply.typeURL = response.typeURL
        reply.responseNonce = response.nonce
        guard let type = ResourceType(typeURL: response.typeURL) else {
            return Outcome(
                update: DiscoveryUpdate(state: state), reply: reply, byteCount: 0, present: [], removed: [])
        }
        var changes = Changes()
        let complaints = fold(response, type, &changes) { $0.take($1, $2) }
        for name in response.removedResources { remove(name, of: type, &changes) }
        if complaints.isEmpty {
            acceptedTypes.insert(type)
        } else {
            var detail = Schema.Status()
            detail.message = complaints.joined(separator: "; ")
            reply.errorDetail = detail
        }
        return Outcome(
            update: changes.update(of: state), reply: reply, byteCount: changes.byteCount, present: changes.names,
            removed: isOnDemand && type == .address ? response.removedResources : [])
    }

    /// Applies what comes from elsewhere than the server in the same way. The server hears nothing of it, and what it
    /// has sent stays when the other source no longer has it.
    /// - Returns: what changed, and why some of it was refused.
    public mutating func applyLocal(
        _ response: DeltaDiscoveryResponse
    ) -> (update: DiscoveryUpdate, complaints: [String]) {
        guard let type = ResourceType(typeURL: response.typeURL) else { return (DiscoveryUpdate(state: state), []) }
        var changes = Changes()
        let complaints = fold(response, type, &changes) { held, resource, _ in held.displace(resource.name) }
        for name in response.removedResources where !isHeld(name, of: type) { remove(name, of: type, &changes) }
        return (changes.update(of: state), complaints)
    }

    /// Takes the resources in that are understood; says why of the others.
    private mutating func fold(
        _ response: some DeltaResponse, _ type: ResourceType, _ changes: inout Changes,
        taken: (inout HeldResources, Resource, HeldResources.Fingerprint) -> Void
    ) -> [String] {
        var complaints: [String] = []
        for index in 0..<response.resourceCount {
            let resource: Resource
            do {
                resource = try response.resource(at: index)
            } catch {
                complaints.append("resource \(index): \(ResourceFlaw.undecodable(error))")
                continue
            }
            let bytes = resource.resource?.value ?? []
            changes.byteCount += bytes.count
            if isOnDemand, type == .address { changes.names += [resource.name] + resource.aliases }
            let fingerprint = HeldResources.Fingerprint(of: bytes)
            do throws(ResourceFlaw) {
                let isUnchanged = held[type]?.holds(fingerprint, under: resource.name) ?? false
                let key = isUnchanged ? resource.name : try insert(resource, of: type, &changes)
                taken(&held[type, default: HeldResources()], resource, fingerprint)
                // Others of that key may come between.
                if key != resource.name { for name in [key, resource.name] { held[type]?.displace(name) } }
            } catch {
                complaints.append("\(resource.name): \(error)")
            }
        }
        return complaints
    }

    private func isHeld(_ name: String, of type: ResourceType) -> Bool { held[type]?.contains(name) ?? false }

    /// - Returns: The key under which the state holds it: its name, of those who keep to the rules.
    private mutating func insert(
        _ resource: Resource, of type: ResourceType, _ changes: inout Changes
    ) throws(ResourceFlaw) -> String {
        let bytes = resource.resource?.value ?? []
        switch type {
        case .address:
            switch try folding.address(bytes, named: resource.name) {
            case .workload(let workload):
                changes.note(leaving: state.workload(uid: workload.uid), in: state)
                state.insert(workload)
                if state.isLocal(workload) { changes.local[workload.uid] = workload }
                return workload.uid
            case .service(let service):
                state.insert(service)
                return service.key.description
            }
        case .authorization:
            changes.havePoliciesChanged = true
            do throws(ResourceFlaw) {
                let policy = try PolicyFolding.policy(bytes)
                state.policies.insert(policy)
                return policy.key
            } catch {
                refuse(for: resource, error)
                throw error
            }
        }
    }

    /// The last good version of a policy stays in force; where there is none, nobody gets past what is not understood.
    private mutating func refuse(for resource: Resource, _ flaw: ResourceFlaw) {
        guard state.policies[resource.name] == nil else { return }
        let bytes = resource.resource?.value ?? []
        guard let refusal = PolicyFolding.refusal(named: resource.name, bytes, flaw) else { return }
        state.policies.insert(refusal)
    }

    private mutating func remove(_ name: String, of type: ResourceType, _ changes: inout Changes) {
        switch type {
        case .address:
            let name = isHeld(name, of: type) ? name : state.primaryName(of: name)
            changes.note(leaving: state.workload(uid: name), in: state)
            changes.local[name] = nil
            state.removeAddress(named: name)
            held[type]?.remove(name)
        case .authorization:
            if state.policies.remove(key: name) { changes.havePoliciesChanged = true }
        }
        held[type]?.remove(name)
    }

    /// What a response changes about this node.
    private struct Changes {
        var havePoliciesChanged = false
        var local: [String: Mesh.Workload] = [:]
        var byteCount = 0
        var names: [String] = []
        private var leavingAccounts: Set<ServiceAccountName> = []

        mutating func note(leaving workload: Mesh.Workload?, in state: MeshState) {
            if let workload, state.isLocal(workload) { leavingAccounts.insert(workload.account) }
        }

        func update(of state: MeshState) -> DiscoveryUpdate {
            var update = DiscoveryUpdate(state: state)
            update.havePoliciesChanged = havePoliciesChanged
            update.localWorkloads = local.values.sorted { $0.uid < $1.uid }
            update.departedAccounts = leavingAccounts.filter { !state.hasLocalWorkload(of: $0) }
            return update
        }
    }
}
