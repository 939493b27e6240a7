/// A waypoint or network gateway, by whichever name it is known. Boxed, since most workloads have none.
public indirect enum GatewayAddress: Hashable, Sendable {
    case address(NetworkAddress, port: UInt16)
    case hostname(NamespacedHostname, port: UInt16)

    /// The port on which it takes HBONE.
    public var port: UInt16 {
        switch self {
        case .address(_, let port), .hostname(_, let port): port
        }
    }
}

extension GatewayAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .address(let address, let port): "\(address) port \(port)"
        case .hostname(let name, let port): "\(name) port \(port)"
        }
    }
}
