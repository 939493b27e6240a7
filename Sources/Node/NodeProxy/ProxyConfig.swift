import YAML

/// Istio's ProxyConfig as far as a node proxy follows it, from the mesh configuration or from `PROXY_CONFIG`.
struct ProxyConfig: Equatable {
    /// Where the control plane is; empty: nowhere.
    var discoveryAddress: String?
    var adminPort: UInt16?
    var statsPort: UInt16?
    /// The number of workers; 0: one for each processor.
    var concurrency: Int?
    /// By name without `ISTIO_META_`.
    var metadata: [String: String] = [:]
    /// What it says beside that, which is meant for other proxies.
    var otherKeys: [String] = []

    init() {}

    /// From a ProxyConfig as YAML.
    init(yaml text: [UInt8]) throws(YAMLError) {
        try self.init(YAML.singleDocument(text))
    }

    /// From the entry `defaultConfig` of a MeshConfig as YAML.
    init(meshConfiguration text: [UInt8]) throws(YAMLError) {
        try self.init(YAML.singleDocument(text)?.member("defaultConfig"))
    }

    private init(_ config: YAMLValue?) throws(YAMLError) {
        for entry in try config?.mapping() ?? [] where !entry.value.isNull {
            switch entry.key {
            case "discoveryAddress": discoveryAddress = try entry.value.string()
            case "proxyAdminPort": adminPort = UInt16(try entry.value.integer(in: 1...65_535))
            case "statsPort": statsPort = UInt16(try entry.value.integer(in: 1...65_535))
            case "concurrency": concurrency = try entry.value.integer(in: 0...1024)
            case "proxyMetadata": metadata = try Self.metadata(entry.value)
            default: otherKeys.append(entry.key)
            }
        }
    }

    /// Numbers and booleans count as the texts that they are written with.
    private static func metadata(_ value: YAMLValue) throws(YAMLError) -> [String: String] {
        var metadata: [String: String] = [:]
        for entry in try value.mapping() {
            guard case .scalar(let scalar) = entry.value.content else {
                throw YAMLError(line: entry.value.line, reason: "metadata \(entry.key) is no text")
            }
            metadata[withoutPrefix(entry.key)] = scalar.text
        }
        return metadata
    }

    private static func withoutPrefix(_ name: String) -> String {
        let prefix = "ISTIO_META_"
        return name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }

    /// This one with what `other` says instead; metadata by their names.
    func overridden(by other: ProxyConfig) -> ProxyConfig {
        var result = self
        result.discoveryAddress = other.discoveryAddress ?? discoveryAddress
        result.adminPort = other.adminPort ?? adminPort
        result.statsPort = other.statsPort ?? statsPort
        result.concurrency = other.concurrency ?? concurrency
        result.metadata.merge(other.metadata) { _, new in new }
        result.otherKeys += other.otherKeys.filter { !otherKeys.contains($0) }
        return result
    }
}
