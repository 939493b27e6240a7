public import Schema

/// What node proxies are told: resources by name.
public struct CompiledResources: Equatable, Sendable {
    /// Workloads by UID, services by `namespace/hostname`.
    public var addresses: [String: Address] = [:]
    /// Policies by `namespace/name`.
    public var authorizations: [String: Authorization] = [:]

    public init() {}

    /// `{"addresses": {…}, "authorizations": {…}}`, the resources as protobuf JSON, sorted by name.
    public var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("addresses")
        Self.write(addresses, to: &json)
        json.key("authorizations")
        Self.write(authorizations, to: &json)
        json.endObject()
        return json.utf8
    }

    private static func write(_ resources: [String: some ProtobufMessage], to json: inout JSONWriter) {
        json.beginObject()
        for (name, resource) in resources.sorted(by: { $0.key < $1.key }) {
            json.key(name)
            resource.write(to: &json)
        }
        json.endObject()
    }
}
