public import Manifests
import YAML

/// What holds for the whole mesh.
public struct MeshSettings: Hashable, Sendable {
    public var trustDomain = "cluster.local"
    /// The namespace whose policies count everywhere.
    public var rootNamespace = "istio-system"
    public var clusterID = "Kubernetes"
    /// The domain that Service names end in.
    public var domain = "cluster.local"
    /// Whether policies marked as a trial are sent, to be decided and logged but not enforced.
    public var sendsDryRunPolicies = false
    /// Namespaces whose pods are never enrolled.
    public var excludedNamespaces: Set<String> = ["kube-system"]

    /// Only what lies in a namespace that one of these selects is known; none: everything is.
    public var discoverySelectors: [LabelSelector] = []

    public init() {}

    /// Takes what an Istio mesh configuration says; what it does not say stays.
    public mutating func apply(meshConfiguration text: [UInt8]) throws(MeshSettingsError) {
        do throws(YAMLError) {
            for document in try YAML.documents(text) {
                trustDomain = try document.string(at: "trustDomain") ?? trustDomain
                rootNamespace = try document.string(at: "rootNamespace") ?? rootNamespace
                if let selectors = try document.member("discoverySelectors")?.sequence() {
                    discoverySelectors = []
                    for selector in selectors { discoverySelectors.append(try LabelSelector(selector)) }
                }
            }
        } catch {
            throw MeshSettingsError(line: error.line, reason: error.reason)
        }
    }
}

/// Why a mesh configuration is refused, and where.
public struct MeshSettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    public var line: Int
    public var reason: String

    public init(line: Int, reason: String) {
        self.line = line
        self.reason = reason
    }

    public var description: String { "mesh configuration, line \(line): \(reason)" }
}
