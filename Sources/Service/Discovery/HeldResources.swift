import Schema

/// The resources of one type that the state holds: in which versions, which the server is to know, and with which
/// content. A server that was started again sends everything once more, in new versions but mostly unchanged; what is
/// unchanged need not be decoded, nor take the place of its equal.
struct HeldResources {
    /// A hash of a resource's bytes, keyed anew in each process, so that nobody can aim at one.
    struct Fingerprint: Equatable {
        private let hash: Int

        init(of bytes: [UInt8]) {
            var hasher = Hasher()
            unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
            hash = hasher.finalize()
        }
    }

    private struct Entry {
        var version: String
        /// None where the state may hold something else under this name.
        var fingerprint: Fingerprint?
    }

    private var entries: [String: Entry] = [:]

    var versions: [String: String] { entries.mapValues(\.version) }

    func contains(_ name: String) -> Bool { entries[name] != nil }

    /// Whether the state holds just this content under the name.
    func holds(_ fingerprint: Fingerprint, under name: String) -> Bool { entries[name]?.fingerprint == fingerprint }

    /// The state has taken the resource in.
    mutating func take(_ resource: Resource, _ fingerprint: Fingerprint) {
        if let index = entries.index(forKey: resource.name) {
            if entries.values[index].fingerprint == fingerprint {
                entries.values[index].version = resource.version
                return
            }
            // The name as well is to be the new resource's, which keeps it in several places: an old copy would keep a
            // page of memory from being given back.
            entries.remove(at: index)
        }
        entries[resource.name] = Entry(version: resource.version, fingerprint: fingerprint)
    }

    /// Something else has come in the place of the resource.
    mutating func displace(_ name: String) { entries[name]?.fingerprint = nil }

    mutating func remove(_ name: String) { entries[name] = nil }
}
