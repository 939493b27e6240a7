public import Primitives

extension MeshState {
    /// The addresses of the service that a workload of this node calls `hostname`. Nil when the mesh has no such
    /// service: then the name is none of its business. Source: ztunnel.
    ///
    /// - Parameters:
    ///   - hostname: In lower case, without a dot at the end.
    ///   - random: A random word, from which the order of the addresses follows.
    public func lookUp(
        _ hostname: String, _ family: IPAddress.Family, for client: Workload, random: UInt64
    ) -> NameAnswer? {
        let search = NameSearch(namespace: client.namespace, clusterDomain: settings.clusterDomain)
        for candidate in search.candidates(for: hostname) {
            for name in CollectionOfOne(candidate.name) + NameSearch.wildcards(for: candidate.name) {
                guard let service = namedService(name, for: client.namespace) else { continue }
                return NameAnswer(
                    addresses: addresses(of: service, family, for: client, random: random),
                    alias: name.hasPrefix("*.") ? nil : candidate.stripped, service: service.key)
            }
        }
        return nil
    }

    /// Of the services with this host name that are known by it at all the one of the client's own namespace, else the
    /// canonical one, else that of the preferred namespace, else the first.
    private func namedService(_ hostname: String, for namespace: String) -> Service? {
        // Services outside the cluster without an address are found by whoever knows the world's names.
        let isInCluster = hostname.endsIn(".svc.\(settings.clusterDomain)")
        let known = services(hostname: hostname).filter {
            (isInCluster || !$0.addresses.isEmpty) && $0.isVisible(from: namespace)
        }
        return known.first { $0.namespace == namespace } ?? known.first { $0.isCanonical }
            ?? known.first { $0.namespace == settings.preferredNamespace } ?? known.first
    }

    /// The service's virtual addresses in the client's network; of a service without any one address of each endpoint.
    private func addresses(
        of service: Service, _ family: IPAddress.Family, for client: Workload, random: UInt64
    ) -> [IPAddress] {
        guard service.ipFamilies.allows(family), family == .v4 || settings.isIPv6Enabled else { return [] }
        var addresses: [IPAddress]
        if service.addresses.isEmpty {
            addresses = endpoints(of: service).compactMap { endpoint in
                endpoint.workload.addresses.first { $0.family == family }
            }
        } else {
            addresses = service.addresses.filter { $0.network == client.network && $0.address.family == family }
                .map(\.address)
        }
        var draw = Draw(random)
        addresses.shuffle(using: &draw)
        return addresses
    }
}
