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
    public private(set) var serviceEntries: [ObjectName: ServiceEntry] = [:]
    public private(set) var workloadEntries: [ObjectName: WorkloadEntry] = [:]
    /// The entry `mesh` of a ConfigMap `istio`, by the namespace it lies in.
    public private(set) var meshConfigurations: [String: String] = [:]
    private var entries: [ObjectKey: Entry] = [:]

    private struct Entry: Hashable {
        var object: ManifestObject
        var file: String
        var line: Int
    }

    public init() {}

    /// Adds the objects of a text. Kinds that do not matter here are passed over.
    /// - Throws: for the first document that is refused; those before it are added.
    public mutating func add(_ text: [UInt8], file: String) throws(ManifestError) {
        let documents: [YAMLValue]
        do throws(YAMLError) { documents = try YAML.documents(text) } catch { throw ManifestError(file: file, error) }
        for document in documents {
            for flaw in insert(document, file: file) { throw flaw }
        }
    }

    /// Adds the objects of a text but for those that are refused; returns why. A document that is no YAML holds up none
    /// of the others in the text.
    mutating func addGood(_ text: [UInt8], file: String) -> [ManifestError] {
        var refusals: [ManifestError] = []
        for document in YAML.separateDocuments(text) {
            switch document {
            case .success(let value): refusals += insert(value, file: file)
            case .failure(let error): refusals.append(ManifestError(file: file, error))
            }
        }
        return refusals
    }

    /// Keeps what `known` has of an object, unless it is here already; whether it does.
    mutating func keep(_ key: ObjectKey, from known: ManifestSet) -> Bool {
        guard entries[key] == nil, let entry = known.entries[key] else { return false }
        store(entry, key)
        return true
    }

    /// The objects that came from a file.
    func keys(from file: String) -> [ObjectKey] {
        entries.filter { $0.value.file == file }.map(\.key).sorted()
    }

    /// Without the objects of namespaces that are not to be known. Nodes belong to none.
    public func filtered(_ isKnown: (_ namespace: String) -> Bool) -> ManifestSet {
        var result = ManifestSet()
        for (key, entry) in entries {
            let namespace = key.kind == "Namespace" ? key.name.name : key.name.namespace
            if key.kind == "Node" || isKnown(namespace) { result.store(entry, key) }
        }
        return result
    }

    private mutating func insert(_ document: YAMLValue, file: String) -> [ManifestError] {
        var key: ObjectKey?
        do throws(YAMLError) {
            guard let kind = try document.string(at: "kind") else {
                throw YAMLError(line: document.line, reason: "kind is missing")
            }
            guard let version = try document.string(at: "apiVersion") else {
                throw YAMLError(line: document.line, reason: "apiVersion is missing")
            }
            let group = version.split(separator: "/").dropLast().first.map(String.init) ?? ""
            if kind == "List", group.isEmpty {
                return try document.elements(at: "items").flatMap { insert($0, file: file) }
            }
            key = ManifestObject.key(of: document, group: group, kind: kind)
            guard let object = try ManifestObject(document, group: group, kind: kind) else { return [] }
            let found = ObjectKey(kind: kind, name: object.name)
            if let other = entries[found] {
                throw YAMLError(line: document.line, reason: "is also in \(other.file), line \(other.line)")
            }
            store(Entry(object: object, file: file, line: document.line), found)
            return []
        } catch {
            return [ManifestError(file: file, line: error.line, object: key, reason: error.reason)]
        }
    }

    private mutating func store(_ entry: Entry, _ key: ObjectKey) {
        entries[key] = entry
        let name = entry.object.name
        switch entry.object {
        case .namespace(let object): namespaces[name.name] = object
        case .node(let object): nodes[name.name] = object
        case .pod(let object): pods[name] = object
        case .service(let object): services[name] = object
        case .endpointSlice(let object): endpointSlices[name] = object
        case .authorizationPolicy(let object): authorizationPolicies[name] = object
        case .peerAuthentication(let object): peerAuthentications[name] = object
        case .serviceEntry(let object): serviceEntries[name] = object
        case .workloadEntry(let object): workloadEntries[name] = object
        case .meshConfiguration(_, let text): meshConfigurations[name.namespace] = text
        }
    }
}
