import YAML

/// The objects of a cluster that matter here, each once.
public struct ManifestSet: Hashable, Sendable {
    public private(set) var namespaces: [String: Namespace] = [:]
    public private(set) var nodes: [String: Node] = [:]
    public private(set) var pods: [ObjectName: Pod] = [:]
    public private(set) var services: [ObjectName: Service] = [:]
    public private(set) var endpointSlices: [ObjectName: EndpointSlice] = [:]
    public private(set) var authorizationPolicies: [ObjectName: AuthorizationPolicy] = [:]
    public private(set) var peerAuthentications: [ObjectName: PeerAuthentication] = [:]
    /// The entry `mesh` of a ConfigMap `istio`, by the namespace it lies in.
    public private(set) var meshConfigurations: [String: String] = [:]
    private var places: [String: String] = [:]

    public init() {}

    /// Adds the objects of a text. Kinds that do not matter here are passed over.
    public mutating func add(_ text: [UInt8], file: String) throws(ManifestError) {
        do throws(YAMLError) {
            for document in try YAML.documents(text) { try add(document, file: file) }
        } catch {
            throw ManifestError(file: file, error)
        }
    }

    private mutating func add(_ document: YAMLValue, file: String) throws(YAMLError) {
        guard let kind = try document.string(at: "kind") else {
            throw YAMLError(line: document.line, reason: "kind is missing")
        }
        guard let version = try document.string(at: "apiVersion") else {
            throw YAMLError(line: document.line, reason: "apiVersion is missing")
        }
        let group = version.split(separator: "/").dropLast().first.map(String.init) ?? ""
        if kind == "List", group.isEmpty {
            for item in try document.elements(at: "items") { try add(item, file: file) }
            return
        }
        guard let name = try insert(document, group: group, kind: kind) else { return }
        let place = "\(file), line \(document.line)"
        if let other = places.updateValue(place, forKey: "\(kind) \(name)") {
            throw YAMLError(line: document.line, reason: "\(kind) \(name) is also in \(other)")
        }
    }

    /// Adds an object; its name, or nil when its kind does not matter.
    private mutating func insert(
        _ document: YAMLValue, group: String, kind: String
    ) throws(YAMLError) -> ObjectName? {
        switch (group, kind) {
        case ("", "Namespace"):
            let object = try Namespace(document)
            namespaces[object.metadata.name.name] = object
            return object.metadata.name
        case ("", "Node"):
            let object = try Node(document)
            nodes[object.metadata.name.name] = object
            return object.metadata.name
        case ("", "Pod"):
            let object = try Pod(document)
            pods[object.metadata.name] = object
            return object.metadata.name
        case ("", "Service"):
            let object = try Service(document)
            services[object.metadata.name] = object
            return object.metadata.name
        case ("", "ConfigMap"):
            let metadata = try ObjectMetadata(document)
            guard metadata.name.name == "istio" else { return nil }
            meshConfigurations[metadata.name.namespace] = try document.member("data")?.string(at: "mesh")
            return metadata.name
        case ("discovery.k8s.io", "EndpointSlice"):
            let object = try EndpointSlice(document)
            endpointSlices[object.metadata.name] = object
            return object.metadata.name
        case ("security.istio.io", "AuthorizationPolicy"):
            let object = try AuthorizationPolicy(document)
            authorizationPolicies[object.metadata.name] = object
            return object.metadata.name
        case ("security.istio.io", "PeerAuthentication"):
            let object = try PeerAuthentication(document)
            peerAuthentications[object.metadata.name] = object
            return object.metadata.name
        default: return nil
        }
    }
}
