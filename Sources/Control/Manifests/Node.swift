public import YAML

/// A Kubernetes Node, as far as it matters here.
public struct Node: Hashable, Sendable {
    public var metadata: ObjectMetadata

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document, isNamespaced: false)
    }
}
