import YAML

/// What tells an object from all others.
public struct ObjectKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var kind: String
    public var name: ObjectName

    public init(kind: String, name: ObjectName) {
        self.kind = kind
        self.name = name
    }

    public var description: String { "\(kind) \(name)" }

    public static func < (a: ObjectKey, b: ObjectKey) -> Bool { (a.kind, a.name) < (b.kind, b.name) }
}

/// An object of a kind that matters here.
enum ManifestObject: Hashable, Sendable {
    case namespace(Namespace)
    case node(Node)
    case pod(Pod)
    case service(Service)
    case endpointSlice(EndpointSlice)
    case authorizationPolicy(AuthorizationPolicy)
    case peerAuthentication(PeerAuthentication)
    case serviceEntry(ServiceEntry)
    case workloadEntry(WorkloadEntry)
    /// The entry `mesh` of a ConfigMap `istio`.
    case meshConfiguration(ObjectName, text: String?)

    var name: ObjectName {
        switch self {
        case .namespace(let object): object.metadata.name
        case .node(let object): object.metadata.name
        case .pod(let object): object.metadata.name
        case .service(let object): object.metadata.name
        case .endpointSlice(let object): object.metadata.name
        case .authorizationPolicy(let object): object.metadata.name
        case .peerAuthentication(let object): object.metadata.name
        case .serviceEntry(let object): object.metadata.name
        case .workloadEntry(let object): object.metadata.name
        case .meshConfiguration(let name, _): name
        }
    }

    /// Nil for a kind that does not matter here.
    init?(_ document: YAMLValue, group: String, kind: String) throws(YAMLError) {
        switch (group, kind) {
        case ("", "Namespace"): self = .namespace(try Namespace(document))
        case ("", "Node"): self = .node(try Node(document))
        case ("", "Pod"): self = .pod(try Pod(document))
        case ("", "Service"): self = .service(try Service(document))
        case ("", "ConfigMap"):
            let name = try ObjectMetadata(document).name
            guard name.name == "istio" else { return nil }
            self = .meshConfiguration(name, text: try document.member("data")?.string(at: "mesh"))
        case ("discovery.k8s.io", "EndpointSlice"): self = .endpointSlice(try EndpointSlice(document))
        case ("security.istio.io", "AuthorizationPolicy"):
            self = .authorizationPolicy(try AuthorizationPolicy(document))
        case ("security.istio.io", "PeerAuthentication"): self = .peerAuthentication(try PeerAuthentication(document))
        case ("networking.istio.io", "ServiceEntry"): self = .serviceEntry(try ServiceEntry(document))
        case ("networking.istio.io", "WorkloadEntry"): self = .workloadEntry(try WorkloadEntry(document))
        default: return nil
        }
    }

    /// Whose document it is, if that much of it can be read.
    static func key(of document: YAMLValue, group: String, kind: String) -> ObjectKey? {
        guard let metadata = document["metadata"], let name = try? metadata.string(at: "name") else { return nil }
        let isNamespaced = !(group.isEmpty && ["Namespace", "Node"].contains(kind))
        let namespace = isNamespaced ? (try? metadata.string(at: "namespace")) ?? "default" : ""
        return ObjectKey(kind: kind, name: ObjectName(namespace: namespace, name: name))
    }
}
