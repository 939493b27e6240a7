public import Primitives

/// The address by which a workload that has a host name only is reached on one connection.
public struct HostResolution: Hashable, Sendable {
    public let hostname: String
    public let address: IPAddress

    /// One of the addresses of `hostname` at random: one of the family of the address that the client dialled, if there
    /// is any. Nil when there are none. Source: ztunnel.
    public init?(
        _ hostname: String, choosing addresses: [IPAddress], preferring family: IPAddress.Family, random: UInt64
    ) {
        let preferred = addresses.filter { $0.family == family }
        var draw = Draw(random)
        guard let address = (preferred.isEmpty ? addresses : preferred).randomElement(using: &draw) else { return nil }
        self.hostname = hostname
        self.address = address
    }
}
