public import Primitives

/// An IP address in one of the mesh's networks; the same address in two networks is two addresses.
public struct NetworkAddress: Hashable, Sendable {
    public let network: String
    public let address: IPAddress

    public init(network: String, address: IPAddress) {
        self.network = network
        self.address = address
    }
}

extension NetworkAddress: CustomStringConvertible {
    /// `network/address`, the form of an address as a resource's name.
    public var description: String { "\(network)/\(address)" }
}

/// An IP network within one of the mesh's networks.
public struct NetworkPrefix: Hashable, Sendable {
    public let network: String
    public let prefix: IPPrefix

    public init(network: String, prefix: IPPrefix) {
        self.network = network
        self.prefix = prefix
    }
}
