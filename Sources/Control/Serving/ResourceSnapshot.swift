public import Compiler
import Schema

/// One state of the mesh, encoded: what each node is to know.
public struct ResourceSnapshot: Sendable {
    /// The resources of one type.
    struct Resources: Sendable {
        /// Encoded, by name.
        var bytes: [String: [UInt8]] = [:]
        /// By name; equal versions mean equal bytes.
        var versions: [String: String] = [:]
    }

    private var resources: [ResourceType: Resources] = [:]

    /// The state in which there is nothing.
    public init() {}

    public init(_ compiled: CompiledResources) {
        resources[.address] = Self.encode(compiled.addresses)
        resources[.authorization] = Self.encode(compiled.authorizations)
    }

    subscript(type: ResourceType) -> Resources { resources[type] ?? Resources() }

    private static func encode(_ messages: [String: some ProtobufMessage]) -> Resources {
        var encoded = Resources()
        for (name, message) in messages {
            let bytes = message.protobuf()
            encoded.bytes[name] = bytes
            encoded.versions[name] = String(ContentHash.xxh64(bytes), radix: 16)
        }
        return encoded
    }
}
