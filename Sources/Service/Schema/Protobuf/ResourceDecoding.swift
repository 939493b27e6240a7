// Messages that come by the hundred thousand. The compiler makes code for a message of its own only where it sees the
// message named in this module; from outside, every field would be reached through tables.

extension Address {
    /// Decodes the message as every other one is.
    public init(protobuf bytes: [UInt8]) throws(ProtobufError) { try self.init(decoding: bytes) }
}
