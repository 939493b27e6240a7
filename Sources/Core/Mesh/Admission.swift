public import Primitives

/// Whether a connection that arrives at a pod is let through to the policies, and where it would go.
public enum Admission: Sendable {
    case admitted(Target)
    case refused(InboundRefusal)

    /// What a connection reaches.
    public struct Target: Sendable {
        /// Where the application is dialled, and what policies see.
        public var destination: Endpoint
        /// The service that the connection is for, as far as telemetry can tell.
        public var service: Service?
        /// For an application that wants a PROXY protocol header: the destination to name in it.
        public var proxiedDestination: Endpoint?
    }
}

/// Why a connection that arrives at a pod is turned away before any policy is asked, in ztunnel's words.
public enum InboundRefusal: Error, Hashable, Sendable {
    /// The authority names an address that is not the pod's, nor one that the pod is a waypoint for.
    case addressMismatch(connected: IPAddress, authority: IPAddress)
    case unknownHostname(String)
    /// The service has no target port for the port asked for.
    case unknownPort(hostname: String, port: UInt16)
    /// The connection would come back to the proxy.
    case selfCall
    /// The application wants to know a destination, and the service has no address.
    case noAddress(hostname: String)

    /// The HTTP status of the answer.
    public var status: Int {
        switch self {
        case .addressMismatch: 400
        case .unknownHostname, .unknownPort, .selfCall, .noAddress: 503
        }
    }
}

extension InboundRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .addressMismatch(let connected, let authority): "ip mismatch: \(connected) != \(authority)"
        case .unknownHostname(let name): "no service or workload for hostname: \(name)"
        case .unknownPort(let name, let port): "requested service \(name):\(port) found, but cannot resolve port"
        case .selfCall: "attempted recursive call to ourselves"
        case .noAddress(let name): "requested service \(name) found, but has no address to tell the application"
        }
    }
}
