public import YAML

/// A Kubernetes Node, as far as it matters here.
public struct Node: Hashable, Sendable {
    public var metadata: ObjectMetadata

    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document, isNamespaced: false)
    }
}
