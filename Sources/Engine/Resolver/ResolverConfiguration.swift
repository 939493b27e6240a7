public import Primitives

/// Whom to ask for names, and how patiently: the part of resolv.conf(5) that does not depend on who asks.
public struct ResolverConfiguration: Equatable, Sendable {
    /// In the order in which they are asked.
    public var servers: [Endpoint]
    /// How long one of them is waited for.
    public var timeout: Duration
    /// How often all of them are asked again.
    public var retryCount: Int

    public init(
        servers: [Endpoint], timeout: Duration = Limits.nameServerTimeout, retryCount: Int = Limits.nameServerRetryCount
    ) {
        self.servers = servers
        self.timeout = timeout
        self.retryCount = retryCount
    }

    /// Reads `nameserver`, and `timeout` and `attempts` of `options`. Addresses that are none, or that name an
    /// interface, are passed over, and so is everything else.
    public init(resolvConf text: String) {
        self.init(servers: [])
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" }
            switch words.first {
            case "nameserver":
                guard words.count > 1, servers.count < Limits.nameServerCountMax, let address = IPAddress(words[1])
                else { continue }
                servers.append(Endpoint(address, port: 53))
            case "options":
                for option in words.dropFirst() { read(option) }
            default: continue
            }
        }
    }

    private mutating func read(_ option: Substring) {
        let parts = option.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, let value = Int(parts[1]), value >= 0 else { return }
        switch parts[0] {
        case "timeout": timeout = .seconds(min(max(value, 1), Limits.nameServerTimeoutSecondsMax))
        case "attempts": retryCount = min(value, Limits.nameServerRetryCountMax)
        default: return
        }
    }
}
