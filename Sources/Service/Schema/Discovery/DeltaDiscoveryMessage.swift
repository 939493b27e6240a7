/// What a server sends on a delta stream, however it is held.
public protocol DeltaResponse {
    var typeURL: String { get }
    var nonce: String { get }
    var removedResources: [String] { get }
    var resourceCount: Int { get }
    /// A resource by its place.
    func resource(at index: Int) throws(ProtobufError) -> Resource
}

extension DeltaDiscoveryResponse: DeltaResponse {
    public var resourceCount: Int { resources.count }
    public func resource(at index: Int) -> Resource { resources[index] }
}

/// A response of a server in its encoded form: resources are decoded as they are asked for, since all of them together
/// would take more than the message does.
public struct DeltaDiscoveryMessage: DeltaResponse, Sendable {
    public private(set) var typeURL = ""
    public private(set) var nonce = ""
    public private(set) var removedResources: [String] = []
    private let bytes: [UInt8]
    private var resources: [Range<Int>] = []

    /// Reads everything but the resources.
    public init(_ bytes: [UInt8]) throws(ProtobufError) {
        self.bytes = bytes
        var reader = ProtobufReader(bytes)
        while !reader.isAtEnd {
            let key = try reader.key()
            switch key.number {
            case 2:
                try reader.countElement()
                resources.append(try reader.delimitedRange(of: key))
            case 4: typeURL = try text(reader.delimitedRange(of: key))
            case 5: nonce = try text(reader.delimitedRange(of: key))
            case 6:
                try reader.countElement()
                removedResources.append(try text(reader.delimitedRange(of: key)))
            default: try reader.skip(key.wireType)
            }
        }
    }

    public var resourceCount: Int { resources.count }

    public func resource(at index: Int) throws(ProtobufError) -> Resource {
        var resource = Resource()
        var decoder = FieldDecoder(bytes, resources[index])
        try decoder.decode(into: &resource)
        return resource
    }

    private func text(_ range: Range<Int>) throws(ProtobufError) -> String {
        guard let text = String(wireBytes: bytes[range]) else { throw .invalidUTF8 }
        return text
    }
}
