/// Which workload a pod is, as the interception agent names it.
public struct WorkloadName: Hashable, Sendable, CustomStringConvertible {
    public var name: String
    public var namespace: String
    public var serviceAccount: String

    public init(name: String, namespace: String, serviceAccount: String) {
        self.name = name
        self.namespace = namespace
        self.serviceAccount = serviceAccount
    }

    /// From `namespace/name/service-account`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, !parts.contains("") else { return nil }
        self.init(name: parts[1], namespace: parts[0], serviceAccount: parts[2])
    }

    public var description: String { "\(namespace)/\(name)/\(serviceAccount)" }
}
