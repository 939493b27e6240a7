/// A workload as an endpoint of a service.
public struct ServiceEndpoint: Sendable {
    public let workload: Workload
    /// The ports that differ from those of the service, or that it leaves to its endpoints.
    public let ports: PortMap

    init(_ workload: Workload, ports: PortMap) {
        self.workload = workload
        self.ports = ports
    }
}
