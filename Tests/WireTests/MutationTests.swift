import Primitives
import Testing

/// A fuzzer's little sister: the same properties, on mutations of well-formed texts, in every run of the tests.
@Suite struct MutationTests {
    private static let seeds = [
        "spiffe://cluster.local/ns/shop/sa/cart", "10.1.0.7:8080", "[2001:db8::1]:80", "::ffff:10.0.0.1", "fd00::/8",
        "10.96.0.0/12", "cart.shop.svc.cluster.local:80", "u@10.244.32.4:8080",
        "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00", "for=\"10.1.0.5:40000\";host=\"cart.shop\"",
        "k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=web,service.name=web",
    ].map { Array($0.utf8) }

    @Test func `no mutation of a well-formed text breaks a property of the parsers`() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Draw(seed)
        for round in 0..<4000 {
            var bytes = Self.seeds[round % Self.seeds.count]
            for _ in 0...random.next(upperBound: 4 as UInt64) { Self.mutate(&bytes, &random) }
            let broken = ParserProperties.broken(by: bytes)
            #expect(broken.isEmpty, "\(broken) by \(bytes), seed \(seed)")
        }
    }

    private static func mutate(_ bytes: inout [UInt8], _ random: inout Draw) {
        let interesting = Array(":/.-=,;\"[]@%0f \t\u{0}".utf8) + [0x7f, 0x80, 0xff]
        let index = bytes.isEmpty ? 0 : Int(random.next(upperBound: UInt64(bytes.count)))
        let byte = interesting[Int(random.next(upperBound: UInt64(interesting.count)))]
        switch random.next(upperBound: 5 as UInt64) {
        case 0: bytes.insert(byte, at: index)
        case 1 where !bytes.isEmpty: bytes.remove(at: index)
        case 2 where !bytes.isEmpty: bytes[index] = byte
        case 3 where !bytes.isEmpty: bytes[index] = UInt8(truncatingIfNeeded: random.next())
        default:
            let other = seeds[Int(random.next(upperBound: UInt64(seeds.count)))]
            bytes = Array(bytes[..<index]) + other.suffix(Int(random.next(upperBound: UInt64(other.count))))
        }
    }
}
