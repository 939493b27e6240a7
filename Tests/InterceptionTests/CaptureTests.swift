import Interception
import Primitives
import System
import Testing

/// What the rules do to real connections. Needs root.
@Suite struct CaptureTests {
    /// The addresses of one family: the pod's own, and one beyond it.
    struct Addresses: Sendable {
        let pod: String
        let foreign: String
        let any: String
    }

    static let families = [
        Addresses(pod: "10.1.0.1", foreign: "10.7.7.7", any: "0.0.0.0"),
        Addresses(pod: "fd01::1", foreign: "fd07::7", any: "::"),
    ]

    /// A pod's namespace with rules, one address and a way out that leads nowhere.
    private func withPod(_ addresses: Addresses, _ body: (NetworkNamespace) throws -> Void) throws {
        let name = "cvt-\(Entropy.uint64() % 1_000_000_000)"
        try #require(try ChildProcess.run(["ip", "netns", "add", name]).status.isSuccess)
        defer { _ = try? ChildProcess.run(["ip", "netns", "del", name]) }
        let namespace = try NetworkNamespace.open(path: "/run/netns/\(name)")
        try namespace.setParameter("net/ipv6/conf/default/accept_dad", to: "0")
        let length = addresses.pod.contains(":") ? 128 : 32
        let lines = """
            link set lo up
            link add eth0 type veth peer name away
            addr add \(addresses.pod)/\(length) dev eth0
            link set away up
            link set eth0 up
            route add default dev eth0

            """
        let result = try namespace.perform { () throws(Errno) in
            try ChildProcess.run(
                ["ip", addresses.pod.contains(":") ? "-6" : "-4", "-batch", "-"], input: Array(lines.utf8))
        }
        try #require(result.status.isSuccess, "\(String(decoding: result.errors, as: UTF8.self))")
        try PodNetwork(families: [.v4, .v6]).install(CaptureOptions(capturesDNS: false), in: namespace)
        try body(namespace)
    }

    private func endpoint(_ address: String, _ port: UInt16) throws -> Endpoint {
        Endpoint(try #require(IPAddress(address)), port: port)
    }

    private func listen(_ endpoint: Endpoint, _ mark: UInt32?, in namespace: NetworkNamespace) throws -> OwnedDescriptor
    {
        var options = TCPSocket.ListenOptions()
        options.mark = mark
        options.transparent = mark != nil
        return try namespace.perform { () throws(Errno) in try TCPSocket.listen(on: endpoint, options: options) }
    }

    private func connect(
        _ endpoint: Endpoint, _ options: TCPSocket.ConnectOptions = .init(), in namespace: NetworkNamespace
    ) throws -> OwnedDescriptor {
        try namespace.perform { () throws(Errno) in try TCPSocket.connect(to: endpoint, options: options) }
    }

    /// The next connection within a second, or nil.
    private func accept(_ listener: borrowing OwnedDescriptor, for limit: Duration = .seconds(1)) throws
        -> AcceptedSocket?
    {
        let deadline = MonotonicClock.now() + limit
        while MonotonicClock.now() < deadline {
            if let accepted = try TCPSocket.accept(listener) { return accepted }
            Processes.pause(.milliseconds(5))
        }
        return nil
    }

    private func exchange(_ from: borrowing OwnedDescriptor, _ to: borrowing OwnedDescriptor) throws -> [UInt8] {
        let word = Array("word".utf8)
        _ = try unsafe word.withUnsafeBytes { try unsafe from.write($0) }
        var buffer = [UInt8](repeating: 0, count: 16)
        for _ in 0..<200 {
            if case .bytes(let count) = try unsafe buffer.withUnsafeMutableBytes({ try unsafe to.read(into: $0) }) {
                return Array(buffer.prefix(count))
            }
            Processes.pause(.milliseconds(5))
        }
        return []
    }

    @Test(arguments: families)
    func `what the pod opens arrives at the proxy, which learns where it was going`(addresses: Addresses) throws {
        try withPod(addresses) { namespace in
            let proxy = try listen(endpoint(addresses.any, 15001), InterceptionContract.proxyMark, in: namespace)
            let target = try endpoint(addresses.foreign, 80)
            let client = try connect(target, in: namespace)
            guard let accepted = try accept(proxy) else {
                Issue.record("nothing arrived")
                return
            }
            #expect(TCPSocket.originalDestination(of: accepted.descriptor) == target)
            #expect(try exchange(client, accepted.descriptor) == Array("word".utf8))
        }
    }

    @Test(arguments: families)
    func `what the proxy opens, and the pod to itself, is left alone`(addresses: Addresses) throws {
        try withPod(addresses) { namespace in
            let proxy = try listen(endpoint(addresses.any, 15001), InterceptionContract.proxyMark, in: namespace)
            var options = TCPSocket.ConnectOptions()
            options.mark = InterceptionContract.proxyMark
            let outgoing = try connect(endpoint(addresses.foreign, 80), options, in: namespace)
            let application = try listen(endpoint(addresses.pod, 8080), nil, in: namespace)
            let client = try connect(endpoint(addresses.pod, 8080), in: namespace)
            let isReached = try accept(application) != nil
            #expect(isReached)
            let isCaptured = try accept(proxy, for: .milliseconds(100)) != nil
            #expect(!isCaptured)
            _ = (outgoing.raw, client.raw)
        }
    }

    @Test(arguments: families)
    func `the proxy speaks to the application as the client, and hears its answers`(addresses: Addresses) throws {
        try withPod(addresses) { namespace in
            let application = try listen(endpoint(addresses.pod, 8080), nil, in: namespace)
            var options = TCPSocket.ConnectOptions()
            options.mark = InterceptionContract.proxyMark
            options.spoofedSource = Endpoint(try #require(IPAddress(addresses.foreign)), port: 40000)
            let proxy = try connect(endpoint(addresses.pod, 8080), options, in: namespace)
            guard let accepted = try accept(application) else {
                Issue.record("nothing arrived")
                return
            }
            #expect(accepted.peer.address == IPAddress(addresses.foreign))
            #expect(accepted.peer.port % 2 == 1)
            #expect(try exchange(proxy, accepted.descriptor) == Array("word".utf8))
            #expect(try exchange(accepted.descriptor, proxy) == Array("word".utf8))
        }
    }
}
