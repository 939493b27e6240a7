public import YAML

/// Namespace and name of an object; the namespace is empty for kinds that have none.
public struct ObjectName: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var namespace: String
    public var name: String

    public init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    public var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }

    public static func < (a: ObjectName, b: ObjectName) -> Bool {
        (a.namespace, a.name) < (b.namespace, b.name)
    }
}

/// What every object carries.
public struct ObjectMetadata: Hashable, Sendable {
    /// The owner that controls an object.
    public struct Controller: Hashable, Sendable {
        public var kind: String
        public var name: String
    }

    public var name: ObjectName
    public var uid: String
    public var labels: [String: String]
    public var annotations: [String: String]
    /// RFC 3339 in UTC, so that the order of the texts is that of the times; empty when it is not known.
    public var created: String
    public var isDeleting: Bool
    /// Whether the API server made the name up.
    public var hasGeneratedName: Bool
    public var controller: Controller?

    /// Reads `metadata`. `isNamespaced` decides whether an absent namespace means `default` or none.
    public init(_ document: YAMLValue, isNamespaced: Bool = true) throws(YAMLError) {
        guard let metadata = try document.member("metadata") else {
            throw YAMLError(line: document.line, reason: "metadata is missing")
        }
        guard let name = try metadata.string(at: "name"), !name.isEmpty else {
            throw YAMLError(line: metadata.line, reason: "metadata.name is missing")
        }
        let namespace = isNamespaced ? try metadata.string(at: "namespace") ?? "default" : ""
        self.name = ObjectName(namespace: namespace, name: name)
        uid = try metadata.string(at: "uid") ?? ""
        labels = try metadata.strings(at: "labels")
        annotations = try metadata.strings(at: "annotations")
        created = try metadata.string(at: "creationTimestamp") ?? ""
        isDeleting = try metadata.member("deletionTimestamp") != nil
        hasGeneratedName = try metadata.string(at: "generateName") ?? "" != ""
        for owner in try metadata.elements(at: "ownerReferences") where try owner.bool(at: "controller") == true {
            controller = Controller(
                kind: try owner.string(at: "kind") ?? "", name: try owner.string(at: "name") ?? "")
            break
        }
    }

    /// Whether this object is older than `other`; of equally old ones the first by name.
    public func isOlder(than other: ObjectMetadata) -> Bool {
        created == other.created ? name < other.name : created < other.created
    }
}
