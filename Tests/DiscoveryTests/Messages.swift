import Schema

/// Resources and responses as a control plane would send them.
enum Messages {
    static let addressURL = "type.googleapis.com/istio.workload.Address"
    static let authorizationURL = "type.googleapis.com/istio.security.Authorization"

    static func workload(_ uid: String, _ change: (inout Workload) -> Void = { _ in }) -> Resource {
        var workload = Workload()
        workload.uid = uid
        workload.name = uid
        workload.namespace = "shop"
        change(&workload)
        return resource(uid, Address(.workload(workload)))
    }

    static func service(_ name: String, _ change: (inout Service) -> Void = { _ in }) -> Resource {
        var service = Service()
        service.name = name
        service.namespace = "shop"
        service.hostname = "\(name).shop.svc.cluster.local"
        change(&service)
        return resource("shop/\(service.hostname)", Address(.service(service)))
    }

    static func resource(_ name: String, _ message: some ProtobufMessage) -> Resource {
        var resource = Resource()
        resource.name = name
        resource.version = "v-\(name)"
        resource.resource = AnyMessage()
        resource.resource?.value = message.protobuf()
        return resource
    }

    static func networkAddress(_ bytes: [UInt8], length: UInt32? = nil) -> NetworkAddress {
        var address = NetworkAddress()
        address.address = bytes
        address.length = length
        return address
    }

    static func port(_ service: UInt32, _ target: UInt32) -> Port {
        var port = Port()
        port.servicePort = service
        port.targetPort = target
        return port
    }

    static func addresses(
        _ resources: [Resource], removing removed: [String] = [], nonce: String = "n"
    ) -> DeltaDiscoveryResponse { response(addressURL, resources, removed, nonce) }

    static func authorizations(
        _ resources: [Resource], removing removed: [String] = [], nonce: String = "n"
    ) -> DeltaDiscoveryResponse { response(authorizationURL, resources, removed, nonce) }

    private static func response(
        _ typeURL: String, _ resources: [Resource], _ removed: [String], _ nonce: String
    ) -> DeltaDiscoveryResponse {
        var response = DeltaDiscoveryResponse()
        response.typeURL = typeURL
        response.resources = resources
        response.removedResources = removed
        response.nonce = nonce
        return response
    }
}
