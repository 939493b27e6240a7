import CLinux
import Primitives
import Testing

@testable import System

/// Needs root.
@Suite struct SpoofedPortTests {
    private let client = Endpoint(IPAddress(v4: 0x7f00_0009), port: 40000)

    @Test(arguments: [(40000, true), (40001, false), (0, true)] as [(UInt16, Bool)])
    func `a port in a client's name is one that its own kernel is slow to give out`(client: UInt16, isOdd: Bool) {
        for random in [0, 1, 14_115, 14_116, UInt64.max] + (0..<100).map({ _ in UInt64.random(in: 0...(.max)) }) {
            let port = SpoofedPort.choose(apartFrom: client, random: random)
            #expect((32768...60999).contains(port) && (port % 2 == 1) == isOdd)
        }
    }

    /// The ports of so many connections in the client's name, in a namespace that gives out these.
    private func connect(
        _ count: Int, of range: String, _ body: (borrowing OwnedDescriptor, UInt16) throws -> Void
    ) throws {
        try withNamespace { namespace in
            try namespace.perform { () throws(Errno) in
                _ = try ChildProcess.run(["ip", "link", "set", "lo", "up"])
                _ = try ChildProcess.run(["sysctl", "-qw", "net.ipv4.ip_local_port_range=\(range)"])
            }
            var failure: (any Error)?
            try namespace.perform { () throws(Errno) in
                let listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 8080))
                do { try dial(count, body) } catch { failure = error }
                _ = listener.raw
            }
            if let failure { throw failure }
        }
    }

    private func dial(_ count: Int, _ body: (borrowing OwnedDescriptor, UInt16) throws -> Void) throws {
        guard count > 0 else { return }
        var options = TCPSocket.ConnectOptions()
        options.spoofedSource = client
        let socket = try TCPSocket.connect(to: Endpoint(IPAddress(v4: 0x7f00_0001), port: 8080), options: options)
        let own = TCPSocket.localEndpoint(of: socket)
        let source = try #require(own)
        #expect(source.address == client.address)
        try body(socket, source.port)
        try dial(count - 1, body)
        _ = socket.raw
    }

    @Test func `ports in a client's name are odd where its own are even, and others may have them elsewhere`() throws {
        let elsewhere = Endpoint(IPAddress(v4: 0x7f00_0001), port: 8081)
        try connect(50, of: "32768 60999") { _, port in
            #expect(port % 2 == 1)
            let other = try TCPSocket.listen(on: elsewhere)
            let socket = try TCPSocket.make(.v4)
            try TCPSocket.set(socket, SOL_IP, IP_LOCAL_PORT_RANGE, Int32(bitPattern: UInt32(port) << 16 | UInt32(port)))
            let address = SocketAddress(elsewhere, socketFamily: .v4)
            _ = unsafe address.withPointer { unsafe CLinux.connect(socket.raw, $0, $1) }
            let own = TCPSocket.localEndpoint(of: socket)
            #expect(own?.port == port)
            _ = other.raw
        }
    }

    @Test func `where those that the kernel gives out are taken, a client has others in its name`() throws {
        var ports: [UInt16] = []
        try connect(5, of: "40000 40001") { _, port in ports.append(port) }
        #expect(ports.prefix(2).sorted() == [40000, 40001])
        #expect(Set(ports).count == 5 && ports.dropFirst(2).allSatisfy { $0 % 2 == 1 })
    }
}
