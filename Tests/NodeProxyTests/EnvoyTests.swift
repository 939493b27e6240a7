import Glibc
import Identity
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// Envoy as one end of HBONE, in a pod that the node proxy does not serve.
private final class Envoy {
    private let process: ChildProcess
    private let folder: String

    init(in pod: TestPod, of node: TestNode, _ arguments: [String]) throws {
        folder = "/dev/shm/\(pod.netnsName)-envoy"
        try FileSystem.makeDirectory(folder, mode: 0o700)
        try node.authority.issue(pod.workload.identity, as: "envoy", in: folder)
        let script = "\(Checkout.repository)/Tests/peers/envoy"
        var options = ChildProcess.Options()
        options.output = .null
        options.errors = .null
        let command = [script] + arguments + ["--certificates", folder, "--name", "envoy"]
        process = try pod.namespace.perform { () throws(Errno) -> ChildProcess in
            try ChildProcess.spawn(command, options: options)
        }
    }

    deinit {
        _ = try? process.stop()
        for file in ["root.pem", "envoy.pem", "envoy.key"] { try? FileSystem.remove("\(folder)/\(file)") }
        unsafe rmdir(folder)
    }
}

@Suite(.serialized) struct EnvoyTests {
    @Test func `our node reaches an application behind Envoy as HBONE server`() throws {
        let node = try TestNode(enrolling: ["web"])
        let listener = try node.cart.namespace.perform { () throws(Errno) -> OwnedDescriptor in
            try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 8080))
        }
        let envoy = try Envoy(
            in: node.cart, of: node,
            [
                "server", "--listen", "0.0.0.0:15008", "--application", "127.0.0.1:8080", "--peer-identity",
                node.web.workload.identity.description,
            ])
        try exchange(listener, node) { try node.web.connect(Endpoint(node.cart.address, port: 8080)) }
        #expect(node.logText.contains("dst.addr=10.77.0.2:15008"))
        withExtendedLifetime(envoy) {}
    }

    @Test func `Envoy as HBONE client reaches an application behind our node`() throws {
        let node = try TestNode(enrolling: ["cart"])
        let listener = try node.cart.listen(8080)
        let envoy = try Envoy(
            in: node.web, of: node,
            [
                "client", "--listen", "127.0.0.1:9000", "--peer", "10.77.0.2:15008", "--authority", "10.77.0.2:8080",
                "--peer-identity", node.cart.workload.identity.description,
            ])
        try exchange(listener, node) { try node.web.connect(Endpoint(IPAddress(v4: 0x7f00_0001), port: 9000)) }
        #expect(node.logText.contains("src.identity=\"spiffe://cluster.local/ns/shop/sa/web\""))
        withExtendedLifetime(envoy) {}
    }

    /// Connects as soon as Envoy is there, sends 1 MiB each way, and ends both directions in order.
    private func exchange(
        _ listener: borrowing OwnedDescriptor, _ node: TestNode, _ connect: () throws -> OwnedDescriptor
    ) throws {
        for _ in 0..<100 {
            let client = try connect()
            usleep(200_000)
            guard let accepted = try TCPSocket.accept(listener) else { continue }
            let server = accepted.take()
            let bytes = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
            let isDelivered = try pass(bytes, from: client, to: server) && pass(bytes, from: server, to: client)
            #expect(isDelivered)
            TCPSocket.shutdownWrite(of: client)
            let end = try read(server)
            #expect(end == "")
            TCPSocket.shutdownWrite(of: server)
            let otherEnd = try read(client)
            #expect(otherEnd == "")
            return
        }
        Issue.record("no connection came through: \(node.logText)")
    }

    /// Whether all bytes written at one end come out at the other.
    private func pass(
        _ bytes: [UInt8], from sender: borrowing OwnedDescriptor, to receiver: borrowing OwnedDescriptor
    ) throws -> Bool {
        var sent = 0
        var received: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 65536)
        for _ in 0..<100_000 where received.count < bytes.count {
            if sent < bytes.count {
                let rest = bytes[sent...]
                if case .bytes(let count) = try unsafe rest.withUnsafeBytes({ try unsafe sender.write($0) }) {
                    sent += count
                }
            }
            if case .bytes(let count) = try unsafe room.withUnsafeMutableBytes({ try unsafe receiver.read(into: $0) }) {
                received += room[..<count]
            } else {
                usleep(500)
            }
        }
        return received == bytes
    }
}
