import Glibc
import Interception
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// A name server that we did not write, for the pods of one node.
final class NameServer {
    private let process: ChildProcess
    private let log: String

    /// - Parameters:
    ///   - namespace: where it listens; nil for the node's own.
    ///   - names: `NAME=ADDRESS`, beside those that it makes up.
    init(on addresses: [String], in namespace: NetworkNamespace?, names: [String] = []) throws {
        log = "/dev/shm/culvert-names-\(getpid())-\(UInt32.random(in: 0...(.max)))"
        let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        let command = ["\(repository)/Tests/peers/nameserver", log] + addresses.map { "\($0):53" } + names
        var options = ChildProcess.Options()
        options.output = .null
        process = try (namespace ?? .current()).perform { () throws(Errno) -> ChildProcess in
            try ChildProcess.spawn(command, options: options)
        }
        for _ in 0..<500 {
            if !questions.isEmpty { return }
            usleep(10_000)
        }
        Issue.record("the name server did not start")
    }

    deinit {
        _ = try? process.stop()
        try? FileSystem.remove(log)
    }

    /// One line for each question, behind one that says that it is there.
    var questions: [Substring] {
        ((try? FileSystem.read(log)).map { String(decoding: $0, as: UTF8.self) } ?? "").split(separator: "\n")
    }

    func questionCount(_ name: String) -> Int { questions.count { $0.contains("\"name\": \"\(name).\"") } }
}

/// A resolv.conf for one node.
final class ResolverFile {
    let path = "/dev/shm/culvert-resolv-\(getpid())-\(UInt32.random(in: 0...(.max)))"

    init(_ lines: String...) throws {
        try FileSystem.write(Array(lines.joined(separator: "\n").utf8), to: path, mode: 0o600)
    }

    deinit { try? FileSystem.remove(path) }

    /// A node with as many workers as there are to race.
    var configuration: NodeConfiguration {
        var configuration = NodeConfiguration()
        configuration.resolverFile = path
        return configuration
    }
}

extension TestPod {
    /// Captures the pod's questions for names as well.
    func captureNames() throws {
        _ = try PodNetwork(families: [.v4, .v6]).install(CaptureOptions(capturesDNS: true), in: namespace)
    }

    /// What a program prints that runs in the pod.
    func output(_ command: String...) throws -> String {
        let result = try ChildProcess.run(["ip", "netns", "exec", netnsName] + command)
        return String(decoding: result.output, as: UTF8.self)
    }

    /// What `dig` prints in the pod, asking a server that is nowhere.
    func dig(_ arguments: String...) throws -> String {
        let command = ["ip", "netns", "exec", netnsName, "dig", "+tries=1", "+time=5"] + arguments
        let hasServer = arguments.contains { $0.hasPrefix("@") }
        let result = try ChildProcess.run(command + (hasServer ? [] : ["@10.99.0.10"]))
        return String(decoding: result.output, as: UTF8.self)
    }
}

enum NameFixture {
    static func service(
        _ name: String, _ addresses: [String], hostname: String? = nil, ports: PortMap = [80: 8080]
    ) -> Service {
        Service(
            name: name, namespace: "shop", hostname: hostname ?? "\(name).shop.svc.cluster.local",
            addresses: addresses.compactMap { IPAddress($0) }.map { NetworkAddress(network: "", address: $0) },
            ports: ports)
    }

    /// An endpoint of a service.
    static func endpoint(_ name: String, of service: Service, addresses: [String], hostname: String = "") -> Workload {
        Workload(
            uid: "external/\(name)", name: name, namespace: "shop", addresses: addresses.compactMap { IPAddress($0) },
            hostname: hostname, services: [Workload.Membership(service.key, ports: PortMap())])
    }
}
