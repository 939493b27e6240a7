import Manifests

/// Which ServiceEntry has which host name in which namespace. A Service goes before it, and an older entry before a
/// younger one.
struct EntryIndex {
    /// An entry with those of its hosts that are its own.
    struct Claim {
        let entry: ServiceEntry
        let hosts: [String]
    }

    /// The oldest first.
    let claims: [Claim]
    /// The resource names of those that count where a host is in several namespaces.
    private let canonical: Set<String>
    private let selectingByNamespace: [String: [Claim]]

    /// - Parameter hostnames: those of Services, each with its namespace.
    init(_ entries: [ServiceEntry], services hostnames: [(namespace: String, hostname: String)]) {
        var taken = Set(hostnames.map { Self.key($0.namespace, $0.hostname) })
        var decided = Set(hostnames.map(\.hostname))
        var canonical: Set<String> = []
        var claims: [Claim] = []
        for entry in entries.sorted(by: { $0.metadata.isOlder(than: $1.metadata) }) {
            let namespace = entry.metadata.name.namespace
            let hosts = entry.hosts.filter { taken.insert(Self.key(namespace, $0)).inserted }
            for host in hosts where decided.insert(host).inserted { canonical.insert(Self.key(namespace, host)) }
            if !hosts.isEmpty { claims.append(Claim(entry: entry, hosts: hosts)) }
        }
        self.claims = claims
        self.canonical = canonical
        selectingByNamespace = Dictionary(
            grouping: claims.filter { $0.entry.selector != nil }, by: \.entry.metadata.name.namespace)
    }

    func isCanonical(_ host: String, in namespace: String) -> Bool { canonical.contains(Self.key(namespace, host)) }

    /// Those that select what has these labels.
    func selecting(_ labels: [String: String], in namespace: String) -> [Claim] {
        (selectingByNamespace[namespace] ?? []).filter { $0.entry.selects(labels) }
    }

    /// The name of a service's resource.
    static func key(_ namespace: String, _ host: String) -> String { "\(namespace)/\(host)" }
}
