import Manifests
import Schema

/// What is spoken on a port of a Service, from what its author says of it.
enum ApplicationProtocol {
    static func of(_ port: Manifests.Service.Port) -> AppProtocol {
        guard port.transport != "UDP" else { return .unknown }
        switch port.appProtocol {
        case "kubernetes.io/h2c": return .http2
        case "kubernetes.io/ws": return .http11
        case "kubernetes.io/wss": return .tls
        default: break
        }
        let text = (port.appProtocol ?? port.name).lowercased()
        // A dash ends the word, but for this one.
        if text.hasPrefix("grpc-web") { return .unknown }
        switch text.prefix(while: { $0 != "-" }) {
        case "http": return .http11
        case "http2": return .http2
        case "grpc": return .grpc
        case "tcp": return .tcp
        case "tls", "https": return .tls
        case "mongo", "mysql", "redis", "udp", "hbone": return .unknown
        default: return wellKnownTCPPorts.contains(port.number) ? .tcp : .unknown
        }
    }

    /// Ports on which the server speaks first, so that listening for the client would wait for nothing: SMTP, DNS,
    /// MySQL, MongoDB.
    private static let wellKnownTCPPorts: Set<UInt16> = [25, 53, 3306, 27017]
}
