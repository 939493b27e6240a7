import Testing

@testable import System

@Suite struct SpoofedPortTests {
    @Test(arguments: [(40000, true), (40001, false), (0, true)] as [(UInt16, Bool)])
    func `a port in a client's name is one that its own kernel is slow to give out`(client: UInt16, isOdd: Bool) {
        for random in [0, 1, 14_115, 14_116, UInt64.max] + (0..<100).map({ _ in UInt64.random(in: 0...(.max)) }) {
            let port = SpoofedPort.choose(apartFrom: client, random: random)
            #expect((32768...60999).contains(port) && (port % 2 == 1) == isOdd)
        }
    }
}
