/// A service account of a namespace, in whichever trust domain.
public struct ServiceAccountName: Hashable, Sendable {
    public let namespace: String
    public let serviceAccount: String

    public init(namespace: String, serviceAccount: String) {
        self.namespace = namespace
        self.serviceAccount = serviceAccount
    }
}

extension SPIFFEID {
    /// The service account, without the trust domain.
    public var account: ServiceAccountName { ServiceAccountName(namespace: namespace, serviceAccount: serviceAccount) }
}
