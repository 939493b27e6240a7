/// The host name of a service in the namespace that declares it: the service's primary key.
public struct NamespacedHostname: Hashable, Sendable {
    public let namespace: String
    public let hostname: String

    public init(namespace: String, hostname: String) {
        self.namespace = namespace
        self.hostname = hostname
    }
}

extension NamespacedHostname: LosslessStringConvertible {
    /// `namespace/hostname`, the service's name as a resource; nil with fewer or more slashes.
    public init?(_ description: String) {
        let parts = description.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        self.init(namespace: String(parts[0]), hostname: String(parts[1]))
    }

    public var description: String { "\(namespace)/\(hostname)" }
}
