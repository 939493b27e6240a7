/// The resources that nodes subscribe to, by the URL of their type.
enum ResourceType: String, CaseIterable, Sendable {
    case address = "type.googleapis.com/istio.workload.Address"
    case authorization = "type.googleapis.com/istio.security.Authorization"
}
