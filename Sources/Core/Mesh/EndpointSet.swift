import Primitives

/// The endpoints of one service, whether or not the service is known yet. A persistent value.
struct EndpointSet: Sendable {
    private var workloads = PersistentMap<String, ServiceEndpoint>()
    /// How many have another capacity than 1.
    private var unevenCount = 0

    var isEmpty: Bool { workloads.isEmpty }
    var count: Int { workloads.count }
    /// Whether all have the same share.
    var isEven: Bool { unevenCount == 0 }
    var all: some Sequence<ServiceEndpoint> { workloads.lazy.map(\.value) }

    subscript(uid: String) -> ServiceEndpoint? { workloads[uid] }

    /// The endpoint at `offset` in an order of no meaning.
    func endpoint(atOffset offset: Int) -> ServiceEndpoint { workloads.element(atOffset: offset).value }

    mutating func insert(_ endpoint: ServiceEndpoint) {
        remove(endpoint.workload.uid)
        workloads[endpoint.workload.uid] = endpoint
        if endpoint.workload.capacity != 1 { unevenCount += 1 }
    }

    mutating func remove(_ uid: String) {
        guard let old = workloads.removeValue(forKey: uid) else { return }
        if old.workload.capacity != 1 { unevenCount -= 1 }
    }
}
