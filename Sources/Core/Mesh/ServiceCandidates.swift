/// Services that share a host name or an address, in the order in which they appeared.
struct ServiceCandidates: Sendable {
    private(set) var services: [Service] = []

    var isEmpty: Bool { services.isEmpty }

    /// Takes the place of the service with the same key. Of one namespace the latest comes first.
    mutating func insert(_ service: Service) {
        if let index = services.firstIndex(where: { $0.key == service.key }) {
            services[index] = service
        } else if let index = services.firstIndex(where: { $0.namespace == service.namespace }) {
            services.insert(service, at: index)
        } else {
            services.append(service)
        }
    }

    mutating func remove(_ key: NamespacedHostname) { services.removeAll { $0.key == key } }

    /// The one for clients of `namespace` among those they may see: their own namespace's before the canonical one
    /// before the first.
    func best(for namespace: String) -> Service? {
        let visible = services.lazy.filter { $0.isVisible(from: namespace) }
        return visible.first { $0.namespace == namespace } ?? visible.first { $0.isCanonical } ?? visible.first
    }
}
