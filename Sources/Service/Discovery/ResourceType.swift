/// A type of resource that a node subscribes to.
public enum ResourceType: CaseIterable, Sendable {
    /// Workloads and services.
    case address
    /// Authorisation policies.
    case authorization

    /// The name of the type on the wire.
    public var typeURL: String {
        switch self {
        case .address: "type.googleapis.com/istio.workload.Address"
        case .authorization: "type.googleapis.com/istio.security.Authorization"
        }
    }

    init?(typeURL: String) {
        guard let type = Self.allCases.first(where: { $0.typeURL == typeURL }) else { return nil }
        self = type
    }
}
