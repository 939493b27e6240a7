public import Primitives
public import Wire

extension MeshState {
    /// What a CONNECT for `authority`, received at `address` by the workload `local` of this node, reaches.
    ///
    /// - Parameter forwardedHost: The service that the client says it called. It chooses among the services of the
    ///   workload and decides nothing.
    public func admit(
        _ authority: Authority, at address: IPAddress, for local: Workload, forwardedHost: String?
    ) -> Admission {
        do throws(InboundRefusal) {
            let candidates: [Service]
            var port = authority.port
            switch authority {
            case .address(let asked):
                guard
                    asked.address == address || local.applicationTunnel != nil
                        || isWaypoint(local, at: address, for: asked.address)
                else { throw .addressMismatch(connected: address, authority: asked.address) }
                candidates = services(of: local)
            case .name(let hostname, let servicePort):
                guard let service = service(hostname: hostname, for: local.namespace) else {
                    throw .unknownHostname(hostname)
                }
                port = local.ports(for: service.key)?[servicePort] ?? service.ports[servicePort] ?? 0
                guard port != 0 else { throw .unknownPort(hostname: hostname, port: servicePort) }
                candidates = [service]
            }
            guard !settings.isIllegal(port: port) else { throw .selfCall }
            var proxied: Endpoint?
            if let tunnel = local.applicationTunnel {
                if tunnel.usesProxyProtocol { proxied = try proxiedDestination(authority, candidates.first) }
                port = tunnel.port ?? port
            }
            let service = candidates.first { $0.hostname == forwardedHost } ?? guess(candidates, port: port, for: local)
            return .admitted(
                Admission.Target(
                    destination: Endpoint(address, port: port), service: service, proxiedDestination: proxied))
        } catch {
            return .refused(error)
        }
    }

    /// What a plaintext connection to `destination`, captured in the namespace of the workload `local`, reaches.
    public func admitPlaintext(to destination: Endpoint, for local: Workload) -> Admission {
        guard !settings.isIllegal(port: destination.port) else { return .refused(.selfCall) }
        let candidates = services(of: local)
        return .admitted(
            Admission.Target(
                destination: destination, service: guess(candidates, port: destination.port, for: local)))
    }

    private func services(of local: Workload) -> [Service] { local.services.compactMap { service($0.service) } }

    /// Whether the workload is a waypoint of what is at `asked`.
    private func isWaypoint(_ local: Workload, at address: IPAddress, for asked: IPAddress) -> Bool {
        let asked = NetworkAddress(network: settings.network, address: asked)
        let waypoints: [GatewayAddress]
        if let workload = workload(at: asked) {
            waypoints = workload.waypoint.map { [$0] } ?? []
        } else if let service = service(at: asked, for: local.namespace) {
            waypoints = service.weightedWaypoints.map(\.waypoint) + (service.waypoint.map { [$0] } ?? [])
        } else {
            return false
        }
        return waypoints.contains { isMember(local, at: address, of: $0) }
    }

    /// The first service that leads to a port of the workload.
    private func guess(_ candidates: [Service], port: UInt16, for local: Workload) -> Service? {
        candidates.first { $0.ports.leads(to: port) || local.ports(for: $0.key)?.leads(to: port) == true }
    }

    /// The destination to tell an application: the address asked for, or one of the service's, on our network and IPv4
    /// where there is a choice.
    private func proxiedDestination(_ authority: Authority, _ service: Service?) throws(InboundRefusal) -> Endpoint {
        switch authority {
        case .address(let asked): return asked
        case .name(let hostname, let port):
            let ours = service?.addresses.filter { $0.network == settings.network } ?? []
            let preferred = ours.first { $0.address.family == .v4 } ?? ours.first ?? service?.addresses.first
            guard let preferred else { throw .noAddress(hostname: hostname) }
            return Endpoint(preferred.address, port: port)
        }
    }
}
