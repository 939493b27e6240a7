import Schema

/// Why a resource is refused, in ztunnel's words, which go back to the control plane.
enum ResourceFlaw: Error, Equatable, Sendable {
    case undecodable(ProtobufError)
    /// An address that is neither a workload nor a service.
    case unknownAddress
    /// An IP address that is not 4 or 16 bytes long.
    case addressLength(Int)
    case prefixLength
    case gatewayWithoutDestination
    case notNamespaced(String)
    case legacyTunnel
    case unknownScope
    case unknownNumber(Int32)
    case portOutOfRange(UInt32)
}

extension ResourceFlaw: CustomStringConvertible {
    var description: String {
        switch self {
        case .undecodable(let error): "decode: \(error)"
        case .unknownAddress: "unknown address type"
        case .addressLength(let count): "failed to parse address, had \(count) bytes"
        case .prefixLength: "invalid cidr: invalid IP prefix length"
        case .gatewayWithoutDestination: "nonempty gateway address is missing address"
        case .notNamespaced(let name): "failed to parse namespaced hostname: \(name)"
        case .legacyTunnel: "unknown enum: unsupported tunnel protocol: legacy istio mtls"
        case .unknownScope: "unknown enum: invalid target"
        case .unknownNumber(let number): "decode error: unknown enumeration value \(number)"
        case .portOutOfRange(let port): "invalid port: \(port)"
        }
    }
}
