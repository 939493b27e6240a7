public import YAML

/// A Kubernetes Namespace, as far as it matters here.
public struct Namespace: Hashable, Sendable {
    public var metadata: ObjectMetadata

    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document, isNamespaced: false)
    }
}
