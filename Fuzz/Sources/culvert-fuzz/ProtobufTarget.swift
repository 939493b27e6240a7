import Schema

extension FuzzTarget {
    /// Whatever decodes is written so that it is read back the same, and as JSON.
    static let protobuf = FuzzTarget("protobuf") { bytes in
        guard let selector = bytes.first else { return }
        let readers: [([UInt8]) -> Void] = [
            roundTrip(Address.self), roundTrip(Authorization.self), roundTrip(DeltaDiscoveryRequest.self),
            roundTrip(DeltaDiscoveryResponse.self), roundTrip(WorkloadRequest.self), roundTrip(WorkloadResponse.self),
            roundTrip(ZdsHello.self), roundTrip(IstioCertificateRequest.self), roundTrip(IstioCertificateResponse.self),
            roundTrip(Workload.self), roundTrip(Service.self), roundTrip(Struct.self), roundTrip(Value.self),
            roundTrip(AnyMessage.self), roundTrip(Status.self), roundTrip(PortList.self), roundTrip(UInt32Value.self),
        ]
        readers[Int(selector) % readers.count](Array(bytes.dropFirst()))
    }

    private static func roundTrip<Message: ProtobufMessage>(_ type: Message.Type) -> ([UInt8]) -> Void {
        { bytes in
            guard let message = try? Message(protobuf: bytes) else { return }
            let encoded = message.protobuf()
            let again = expectSuccess { try Message(protobuf: encoded) }
            check(again.protobuf() == encoded, "what is written is read back: \(message)")
            // A message that holds what is no number does not even equal itself.
            if message == message {
                check(again == message, "what is read back is equal")
                check(again.hashValue == message.hashValue, "equal messages have equal hashes")
            }
            var json = JSONWriter()
            message.write(to: &json)
            check(!json.utf8.isEmpty, "every message is JSON")
            // Unknown fields are passed over: one after the message changes nothing.
            let extended = try? Message(protobuf: encoded + [0xfa, 0x7f, 0x01, 0x00])
            check(extended?.protobuf() == encoded, "unknown fields are nothing")
        }
    }
}
