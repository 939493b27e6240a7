public import Primitives

/// What a name of the mesh stands for, to one client.
public struct NameAnswer: Hashable, Sendable {
    /// In an order drawn by lot. None where it has no address of the family asked for; the name exists all the same.
    public var addresses: [IPAddress]
    /// The name that has these addresses, where the client's is that with a search domain behind it.
    public var alias: String?
    /// The service.
    public var service: NamespacedHostname
}
