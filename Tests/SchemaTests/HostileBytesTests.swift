import Primitives
import Schema
import Testing

@Suite struct HostileBytesTests {
    @Test func `an unknown field of any layout is passed over`() throws {
        let workload = try Workload(protobuf: hex("0a0161 f80601 f90600000000 00000000 fa0602ffff fd0600000000 120162"))
        #expect(workload.name == "a")
        #expect(workload.namespace == "b")
    }

    @Test func `malformed bytes are named for what they are`() {
        let vectors: [(String, ProtobufError)] = [
            ("0a0261", .truncated),
            ("0a", .truncated),
            ("0affffffffffffffffff01", .truncated),
            ("28ffffffffffffffffffff01", .invalidVarint),
            ("28ffffffffffffffffff02", .invalidVarint),
            ("0001", .invalidFieldNumber),
            ("0b", .unexpectedWireType(field: 1, wireType: 3)),
            ("0f", .unexpectedWireType(field: 1, wireType: 7)),
            ("0801", .unexpectedWireType(field: 1, wireType: 0)),
            ("0a01ff", .invalidUTF8),
        ]
        for (text, failure) in vectors {
            #expect(throws: failure, "\(text)") { _ = try Workload(protobuf: hex(text)) }
        }
    }

    @Test func `messages may nest to the limit and no deeper`() throws {
        let nested = { (levels: Int) in
            (0..<levels).reduce(Value(.null)) { inner, _ in Value(.list(ListValue([inner]))) }.protobuf()
        }
        let levels = Limits.protobufDepthMax / 2
        _ = try Value(protobuf: nested(levels))
        #expect(throws: ProtobufError.tooDeep) { _ = try Value(protobuf: nested(levels + 1)) }
    }

    @Test func `two-byte elements beyond the limit are refused`() {
        let bytes = Array([[UInt8]](repeating: [0x0a, 0x00], count: Limits.protobufElementCountMax + 1).joined())
        #expect(throws: ProtobufError.tooManyElements) { _ = try PortList(protobuf: bytes) }
    }

    @Test func `a prefix of a message is an error or a message, never a crash`() throws {
        let bytes = Address(.workload(WorkloadMessageTests.sample)).protobuf()
        for count in 0..<bytes.count { _ = try? Address(protobuf: Array(bytes[..<count])) }
        #expect(throws: ProtobufError.truncated) { _ = try Address(protobuf: Array(bytes.dropLast())) }
    }

    @Test func `mutated messages that still decode reach a fixed point`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Draw(seed)
        let original = Address(.workload(WorkloadMessageTests.sample)).protobuf()
        for _ in 0..<5000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                }
            }
            guard let decoded = try? Address(protobuf: bytes) else { continue }
            let again = try Address(protobuf: decoded.protobuf())
            #expect(again == decoded, "seed \(seed)")
        }
    }
}
