import Primitives

extension MeshState {
    /// Whether a workload, reached at or calling from `address`, is a waypoint or gateway by this name. Its health does
    /// not matter: one that is about to go still is what it is.
    func isMember(_ workload: Workload, at address: IPAddress, of gateway: GatewayAddress) -> Bool {
        let named: Workload?
        let service: Service?
        switch gateway {
        case .address(let key, _):
            named = self.workload(at: key)
            service = named == nil ? self.service(at: key, for: workload.namespace) : nil
        case .hostname(let key, _):
            service = self.service(key)
            named = service == nil ? self.workload(named: key) : nil
        }
        if let service { return endpoints[service.key]?[workload.uid] != nil && workload.addresses.contains(address) }
        return named.map { $0.identity == workload.identity && $0.addresses.contains(address) } ?? false
    }
}
