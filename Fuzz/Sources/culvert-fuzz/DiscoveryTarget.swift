import Mesh
import Policy
import Primitives
import Schema

@testable import Discovery

extension FuzzTarget {
    /// Responses of any content: each gets its answer, a refused one leaves the state as it was but for a policy that
    /// then denies, and whatever was folded can be asked for a route and removed again.
    static let discovery = FuzzTarget("discovery") { bytes in
        var choices = Choices(bytes)
        var store = ResourceStore(settings: MeshSettings(network: "", node: choices.oneIn(2) ? "n" : nil), node: Node())
        var names: Set<String> = []
        var remaining = 12
        while !choices.isExhausted, remaining > 0 {
            remaining -= 1
            let before = store.state
            var response = DeltaDiscoveryResponse()
            let isPolicy = choices.oneIn(3)
            let kind = isPolicy ? "istio.security.Authorization" : "istio.workload.Address"
            response.typeURL = choices.oneIn(16) ? "" : "type.googleapis.com/\(kind)"
            response.nonce = "\(remaining)"
            var resource = Resource()
            var any = AnyMessage()
            any.value = choices.take(choices.below(400))
            resource.resource = any
            // A control plane names an address as it is called itself.
            resource.name = choices.oneIn(4) ? "odd" : Self.name(any.value, isPolicy: isPolicy)
            if !choices.oneIn(4) { response.resources = [resource] }
            if choices.oneIn(4) { response.removedResources = [resource.name, "unknown"] }
            guard let message = try? DeltaDiscoveryMessage(response.protobuf()) else {
                return check(false, "what was written is read")
            }
            let outcome = store.apply(message)
            names.insert(resource.name)
            check(outcome.reply.responseNonce == response.nonce, "an answer names what it answers")
            check(outcome.reply.typeURL == response.typeURL, "an answer is of the type that it answers")
            if outcome.reply.errorDetail != nil, response.removedResources.isEmpty {
                check(store.state.workloadCount == before.workloadCount, "what is refused changes nothing")
                check(store.state.serviceCount == before.serviceCount, "what is refused changes nothing")
                // A policy that is not understood stands for itself, denying, where no earlier version of it is held.
                let (policies, earlier) = (store.state.policies, before.policies)
                check(policies.count - earlier.count <= (isPolicy ? 1 : 0), "what is refused changes nothing else")
                check(earlier.all.allSatisfy { policies[$0.key] === $0 }, "what is held stays")
                check(
                    policies.all.allSatisfy { earlier[$0.key] != nil || $0.action == .deny },
                    "what is not understood denies")
            }
            for workload in outcome.update.localWorkloads { check(store.state.isLocal(workload), "local is local") }
            for account in outcome.update.departedAccounts {
                check(!store.state.hasLocalWorkload(of: account), "an account that departed is gone")
            }
        }
        for workload in store.state.allWorkloads {
            let address = workload.addresses.first ?? IPAddress(v4: 1)
            let target = Endpoint(address, port: 80)
            let found = HostResolution(workload.hostname, choosing: [address], preferring: .v4, random: 7)
            _ = store.state.route(from: workload, at: address, to: target, random: 7, resolution: found)
            _ = store.state.admit(.address(target), at: address, for: workload, forwardedHost: nil)
        }
        check(store.subscriptions().count == 2, "two types are subscribed to")
    }

    private static func name(_ bytes: [UInt8], isPolicy: Bool) -> String {
        if isPolicy { return (try? Authorization(protobuf: bytes)).map { "\($0.namespace)/\($0.name)" } ?? "" }
        switch (try? Address(protobuf: bytes))?.kind {
        case .workload(let workload): return workload.uid
        case .service(let service): return "\(service.namespace)/\(service.hostname)"
        case nil: return ""
        }
    }
}
