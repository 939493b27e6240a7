public import Primitives
public import YAML

/// A Kubernetes EndpointSlice, as far as it matters here.
public struct EndpointSlice: Hashable, Sendable {
    /// One endpoint of the Service.
    public struct Endpoint: Hashable, Sendable {
        public var addresses: [IPAddress]
        /// True when it is not said.
        public var isReady: Bool
        /// The UID of the pod that the endpoint stands for; nil when it stands for itself.
        public var podUID: String?
    }

    /// A port that all endpoints of the slice have.
    public struct Port: Hashable, Sendable {
        public var name: String
        public var number: UInt16
        public var transport: String
    }

    public var metadata: ObjectMetadata
    /// The name of the Service whose endpoints these are, in the same namespace; nil when there is none.
    public var serviceName: String?
    public var endpoints: [Endpoint]
    public var ports: [Port]

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document)
        serviceName = metadata.labels["kubernetes.io/service-name"]
        endpoints = []
        ports = []
        // Names are no business of a layer that routes by address.
        guard try document.string(at: "addressType") != "FQDN" else { return }
        for endpoint in try document.elements(at: "endpoints") { endpoints.append(try Endpoint(endpoint)) }
        for port in try document.elements(at: "ports") {
            guard let number = try port.integer(at: "port", in: 1...65535) else { continue }
            ports.append(
                Port(
                    name: try port.string(at: "name") ?? "", number: UInt16(number),
                    transport: try port.string(at: "protocol") ?? "TCP"))
        }
    }
}

extension EndpointSlice.Endpoint {
    init(_ value: YAMLValue) throws(YAMLError) {
        addresses = []
        for element in try value.elements(at: "addresses") {
            let text = try element.string()
            guard let address = IPAddress(text) else {
                throw YAMLError(line: element.line, reason: "\(text) is no IP address")
            }
            addresses.append(address)
        }
        isReady = try value.member("conditions")?.bool(at: "ready") ?? true
        if let target = try value.member("targetRef"), try target.string(at: "kind") == "Pod" {
            podUID = try target.string(at: "uid") ?? ""
        }
    }
}
