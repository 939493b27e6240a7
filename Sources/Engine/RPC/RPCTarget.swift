public import Primitives

/// Where a server is.
public enum RPCTarget: Hashable, Sendable {
    case endpoint(Endpoint)
    case host(String, port: UInt16)

    /// `1.2.3.4:80`, `[::1]:80` or `host:80`; nil for anything else.
    public init?(_ text: String) {
        if let endpoint = Endpoint(text) {
            self = .endpoint(endpoint)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = Endpoint.port(text[text.index(after: colon)...]) else {
            return nil
        }
        let host = text[..<colon]
        guard !host.isEmpty, !host.contains(where: { ":[]/@ ".contains($0) }) else { return nil }
        self = .host(String(host), port: port)
    }

    /// The name that the server's certificate must carry.
    public var hostName: String {
        switch self {
        case .endpoint(let endpoint): "\(endpoint.address)"
        case .host(let name, _): name
        }
    }
}

extension RPCTarget: CustomStringConvertible {
    /// As in `:authority`.
    public var description: String {
        switch self {
        case .endpoint(let endpoint): "\(endpoint)"
        case .host(let name, let port): "\(name):\(port)"
        }
    }
}
