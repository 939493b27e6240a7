import Primitives

/// Services by the networks they stand for, found by looking up one network size after the other. A persistent value.
struct PrefixTable: Sendable {
    private struct Size: Hashable, Sendable {
        var family: IPAddress.Family
        var length: UInt8
    }

    private var candidates = PersistentMap<NetworkPrefix, ServiceCandidates>()
    /// How many networks there are of each size, from the largest prefix; few sizes occur together.
    private var sizes: [(size: Size, count: Int)] = []

    mutating func insert(_ service: Service, at prefix: NetworkPrefix) {
        let key = Self.key(prefix)
        var found = candidates[key] ?? ServiceCandidates()
        if found.isEmpty { count(key.prefix, by: 1) }
        found.insert(service)
        candidates[key] = found
    }

    mutating func remove(_ service: NamespacedHostname, at prefix: NetworkPrefix) {
        let key = Self.key(prefix)
        guard var found = candidates[key] else { return }
        found.remove(service)
        candidates[key] = found.isEmpty ? nil : found
        if found.isEmpty { count(key.prefix, by: -1) }
    }

    /// The service for clients of `namespace`: one of their namespace, then the one of the smallest network, then the
    /// canonical one.
    func best(for address: NetworkAddress, namespace: String) -> Service? {
        var best: Service?
        for (size, _) in sizes where size.family == address.address.family {
            guard let prefix = IPPrefix(address.address, length: Int(size.length)),
                let found = candidates[Self.key(NetworkPrefix(network: address.network, prefix: prefix))]?
                    .best(for: namespace)
            else { continue }
            if found.namespace == namespace { return found }
            if best == nil { best = found }
        }
        return best
    }

    private mutating func count(_ prefix: IPPrefix, by step: Int) {
        let size = Size(family: prefix.address.family, length: prefix.length)
        guard let index = sizes.firstIndex(where: { $0.size == size }) else {
            let index = sizes.firstIndex { $0.size.length < size.length } ?? sizes.endIndex
            sizes.insert((size, step), at: index)
            return
        }
        sizes[index].count += step
        if sizes[index].count == 0 { sizes.remove(at: index) }
    }

    private static func key(_ prefix: NetworkPrefix) -> NetworkPrefix {
        NetworkPrefix(network: prefix.network, prefix: prefix.prefix.network)
    }
}
