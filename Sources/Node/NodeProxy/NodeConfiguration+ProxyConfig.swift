import Primitives
import Schema
import System
import YAML

extension NodeConfiguration {
    /// Where Istio mounts the mesh configuration, seen from the working directory.
    public static let meshConfigurationFile = "./etc/istio/config/mesh"

    /// What the mesh configuration says, where there is one, and `PROXY_CONFIG`, which goes before it.
    static func proxyConfig(_ reader: EnvironmentReader, file: String) throws(ConfigurationError) -> ProxyConfig {
        var config = ProxyConfig()
        if (try? FileSystem.status(of: file)) != nil {
            config = try readConfig(file) { () throws(any Error) in
                try ProxyConfig(
                    meshConfiguration: try FileSystem.read(file, byteCountMax: Limits.yamlByteCountMax))
            }
        }
        guard let text = reader.text("PROXY_CONFIG") else { return config }
        return config.overridden(by: try readConfig("PROXY_CONFIG") { try ProxyConfig(yaml: Array(text.utf8)) })
    }

    private static func readConfig(
        _ name: String, _ body: () throws -> ProxyConfig
    ) throws(ConfigurationError) -> ProxyConfig {
        do { return try body() } catch { throw ConfigurationError(variable: name, reason: "\(error)") }
    }

    /// What is sent to the control plane about this proxy: as ProxyConfig has it, and `ISTIO_META_*` before that.
    mutating func readMetadata(_ reader: EnvironmentReader, _ config: ProxyConfig) {
        metadata = config.metadata
        for (name, value) in reader.named(withPrefix: "ISTIO_META_") { metadata[name] = value }
        for (name, text) in reader.named(withPrefix: "ISTIO_METAJSON_") {
            do throws(YAMLError) {
                structuredMetadata[name] = try Value(json: text)
            } catch {
                remarks.append("ISTIO_METAJSON_\(name) is left out, as it is not JSON: \(error)")
            }
        }
        if !config.otherKeys.isEmpty {
            remarks.append(
                "of no effect here, in the proxy's configuration: \(config.otherKeys.joined(separator: ", "))")
        }
    }
}

extension Value {
    /// The value of a JSON text. JSON is YAML whose texts are all quoted.
    init(json text: String) throws(YAMLError) {
        guard let document = try YAML.singleDocument(Array(text.utf8)) else {
            self.init(.null)
            return
        }
        try self.init(document)
    }

    private init(_ value: YAMLValue) throws(YAMLError) {
        switch value.content {
        case .scalar(let scalar):
            switch scalar.resolved {
            case .null: self.init(.null)
            case .bool(let flag): self.init(.bool(flag))
            case .integer(let number): self.init(.number(Double(number)))
            case .number: self.init(.number(Double(scalar.text) ?? .nan))
            case .string(let text):
                guard scalar.style == .quoted else {
                    throw YAMLError(line: value.line, reason: "a text without quotes")
                }
                self.init(.string(text))
            }
        case .sequence(let elements):
            var values: [Value] = []
            for element in elements { values.append(try Value(element)) }
            self.init(.list(ListValue(values)))
        case .mapping(let entries):
            var fields: [String: Value] = [:]
            for entry in entries { fields[entry.key] = try Value(entry.value) }
            self.init(.object(Struct(fields)))
        }
    }
}
