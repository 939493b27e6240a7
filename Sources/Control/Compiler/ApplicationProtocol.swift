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
        if let known = of(word: String(text.prefix { $0 != "-" })) { return known }
        return wellKnownTCPPorts.contains(port.number) ? .tcp : .unknown
    }

    /// What a word in lower case stands for; nil where it says nothing.
    static func of(word: String) -> AppProtocol? {
        switch word {
        case "http": .http11
        case "http2": .http2
        case "grpc": .grpc
        case "tcp": .tcp
        case "tls", "https": .tls
        case "mongo", "mysql", "redis", "udp", "hbone": .unknown
        default: nil
        }
    }

    /// Ports on which the server speaks first, so that listening for the client would wait for nothing: SMTP, DNS,
    /// MySQL, MongoDB.
    private static let wellKnownTCPPorts: Set<UInt16> = [25, 53, 3306, 27017]
}
