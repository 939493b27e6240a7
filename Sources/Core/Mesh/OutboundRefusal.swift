public import Primitives

/// Why a connection that leaves a pod goes nowhere, in ztunnel's words.
public enum OutboundRefusal: Error, Sendable {
    /// The destination is the proxy itself.
    case selfCall
    /// No endpoint of the service takes the port.
    case noHealthyUpstream(Endpoint)
    case unknownWaypoint(GatewayAddress)
    case unknownGateway(GatewayAddress)
    /// The workload has no address that the client can use.
    case noValidDestination(workload: String)
}

extension OutboundRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .selfCall: "attempted recursive call to ourselves"
        case .noHealthyUpstream(let destination): "no healthy upstream: \(destination)"
        case .unknownWaypoint(let waypoint): "unknown waypoint: waypoint \(waypoint) not found"
        case .unknownGateway(let gateway): "unknown network gateway: gateway \(gateway) not found"
        case .noValidDestination(let workload): "no valid destination: workload \(workload) has no usable address"
        }
    }
}
