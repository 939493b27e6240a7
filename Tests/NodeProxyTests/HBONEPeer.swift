import Glibc
import Identity
import Mesh
import Primitives
import Synchronization
import System
import Testing

@testable import NodeProxy

enum Checkout {
    /// The root of the checkout, from where this file lies in it.
    static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
}

/// Either end of HBONE by an HTTP/2 that we did not write, in a pod that the node does not serve.
final class HBONEPeer {
    private let process: ChildProcess
    private let folder: String
    private let output: String

    /// Starts `Tests/peers/hbone` with these arguments behind the folder of certificates; `names` are the identities
    /// that it has certificates for, by their service accounts.
    private init(
        _ kind: String, in pod: TestPod, of node: TestNode, _ endpoint: Endpoint, accounts: [String],
        _ arguments: [String]
    ) throws {
        folder = "/dev/shm/\(pod.netnsName)-hbone\(UInt16.random(in: 0...9999))"
        output = "\(folder)/output"
        try FileSystem.makeDirectory(folder, mode: 0o700)
        for account in accounts {
            let identity = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: account)
            try node.authority.issue(identity, as: account, in: folder)
        }
        var options = ChildProcess.Options()
        options.output = .appending(path: output)
        options.errors = .appending(path: output)
        let command =
            [
                "\(Checkout.repository)/.build/peers/bin/python", "\(Checkout.repository)/Tests/peers/hbone", kind,
                endpoint.address.description, "\(endpoint.port)", folder, accounts[0],
            ] + arguments
        let chosen = options
        process = try pod.namespace.perform { () throws(Errno) -> ChildProcess in
            try ChildProcess.spawn(command, options: chosen)
        }
    }

    deinit {
        _ = try? process.stop()
        _ = try? ChildProcess.run(["rm", "-rf", folder])
    }

    /// Where the certificate lies that it shows for a service account.
    func certificatePath(_ account: String) -> String { "\(folder)/\(account).pem" }

    /// Kills it.
    func stop() { _ = try? process.stop(within: .zero) }

    /// A server on 15008 of the pod. `options` is what its program takes, a JSON object.
    static func server(
        in pod: TestPod, of node: TestNode, accounts: [String]? = nil, options: String = "{}"
    ) throws -> HBONEPeer {
        let peer = try HBONEPeer(
            "server", in: pod, of: node, Endpoint(pod.address, port: ProxyPort.inboundTunnel),
            accounts: accounts ?? [pod.workload.serviceAccount], [options])
        #expect(try peer.event { $0.contains("ready") } != nil, "\(peer.lines)")
        return peer
    }

    /// What became of requests, a JSON list, that the pod sends to the peer on one connection.
    static func answers(
        from pod: TestPod, of node: TestNode, to address: IPAddress, _ requests: [String]
    ) throws -> [String] {
        let peer = try HBONEPeer(
            "client", in: pod, of: node, Endpoint(address, port: ProxyPort.inboundTunnel),
            accounts: [pod.workload.serviceAccount], ["[\(requests.joined(separator: ","))]"])
        _ = try peer.process.wait(atMost: .seconds(60))
        let answers = peer.lines.filter { $0.contains("\"answer\"") }
        #expect(answers.count == requests.count, "\(peer.lines)")
        return answers
    }

    /// All lines so far.
    var lines: [String] {
        let bytes = (try? FileSystem.read(output)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// The first line for which this holds, as soon as there is one.
    func event(_ isMeant: (String) -> Bool) throws -> String? { try eventually { lines.first(where: isMeant) } }

    func count(of event: String) -> Int { lines.count { $0.contains("\"event\": \"\(event)\"") } }
}

extension TestNode {
    /// A connection of web's to where everything comes back, as this has.
    func converse(_ text: String, with destination: Endpoint) throws -> OwnedDescriptor {
        let client = try web.connect(destination)
        try write(text, to: client)
        let answer = try read(client)
        #expect(answer == text)
        return client
    }
}

/// A CONNECT request for the peer's program.
func connect(_ authority: String, _ more: [String: String] = [:], data: String = "", ends: Bool = false) -> String {
    let fields = [":method": "CONNECT", ":authority": authority]
    let all = fields.sorted { $0.key > $1.key } + more.sorted { $0.key < $1.key }
    let list = all.map { "[\"\($0.key)\", \"\($0.value)\"]" }.joined(separator: ", ")
    return "{\"fields\": [\(list)], \"data\": \"\(data)\", \"end\": \(ends)}"
}

/// A peer that asks while the test goes on.
final class Asking: Sendable {
    private let result = Mutex<[String]?>(nil)

    init(_ node: TestNode, _ requests: [String]) {
        Thread.start(named: "asking") { [self] in
            let answers = try? HBONEPeer.answers(from: node.web, of: node, to: node.cart.address, requests)
            result.withLock { $0 = answers ?? [] }
        }
    }

    /// The answers, as soon as all are there.
    func answers() -> [String] { (try? eventually { result.withLock { $0 } }) ?? [] }
}
