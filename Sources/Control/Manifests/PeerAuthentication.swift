public import YAML

/// An Istio PeerAuthentication. Fields that are not known are refused.
public struct PeerAuthentication: Hashable, Sendable {
    /// Whether peers must prove an identity.
    public enum Mode: String, Hashable, Sendable {
        case unset = "UNSET"
        case disable = "DISABLE"
        case permissive = "PERMISSIVE"
        case strict = "STRICT"
    }

    public var metadata: ObjectMetadata
    /// Nil when it is for the whole namespace, or in the root namespace for the mesh.
    public var selector: LabelSelector?
    public var mode: Mode
    public var portModes: [UInt16: Mode]

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document)
        let spec = try document.member("spec") ?? YAMLValue(line: document.line, .mapping([]))
        try spec.allowOnly(["selector", "mtls", "portLevelMtls"])
        if let value = try spec.member("selector") { selector = try LabelSelector(value) }
        mode = try spec.member("mtls").map { value throws(YAMLError) in try Self.mode(value) } ?? .unset
        portModes = [:]
        for entry in try spec.member("portLevelMtls")?.mapping() ?? [] {
            guard let port = UInt16(entry.key), port > 0 else {
                throw YAMLError(line: entry.value.line, reason: "\(entry.key) is no port")
            }
            portModes[port] = try Self.mode(entry.value)
        }
    }

    private static func mode(_ value: YAMLValue) throws(YAMLError) -> Mode {
        try value.allowOnly(["mode"])
        let text = try value.string(at: "mode") ?? "UNSET"
        guard let mode = Mode(rawValue: text) else {
            throw YAMLError(line: value.line, reason: "unknown mode \(text)")
        }
        return mode
    }
}
