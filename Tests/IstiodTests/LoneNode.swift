import Glibc
import Primitives
import System
import Testing

/// A node proxy by the real program, without pods, beside its control plane in a network namespace of their own.
final class LoneNode {
    let istiod: Istiod
    private let namespace: String
    private var process: ChildProcess?

    init() throws {
        namespace = "ln\(getpid() % 10000)\(Entropy.uint64() % 1000)"
        try World.run("ip", "netns", "add", namespace)
        try World.run("ip", "-n", namespace, "link", "set", "lo", "up")
        istiod = try Istiod(in: .open(path: "/run/netns/\(namespace)"))
    }

    deinit {
        _ = try? process?.stop(within: .zero)
        istiod.kill()
        _ = try? ChildProcess.run(["ip", "netns", "del", namespace])
    }

    /// - Parameter wrapper: a command that is given the program's path, and becomes it.
    func start(by wrapper: [String] = []) throws {
        let url = "https://127.0.0.1:\(istiod.port)"
        let settings = [
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XDS_ADDRESS": url, "CA_ADDRESS": url,
            "XDS_ROOT_CA": "\(istiod.folder)/root.pem", "CA_ROOT_CA": "\(istiod.folder)/root.pem",
            "AUTH_TOKEN": "\(istiod.folder)/token", "NODE_NAME": "n1", "INPOD_UDS": "\(istiod.folder)/nobody.sock",
            "IPV6_ENABLED": "false",
        ]
        var options = ChildProcess.Options()
        options.output = .appending(path: log)
        options.errors = .appending(path: log)
        options.environment = settings.map { "\($0.key)=\($0.value)" }
        let (program, chosen) = ("\(Istiod.Checkout.repository)/.build/debug/culvert-node", options)
        process = try NetworkNamespace.open(path: "/run/netns/\(namespace)").perform {
            () throws(Errno) -> ChildProcess in try ChildProcess.spawn(wrapper + [program], options: chosen)
        }
    }

    private var log: String { "\(istiod.folder)/node.log" }

    /// What it has logged, with these words in it.
    func lines(_ words: String) -> [Substring] {
        let bytes = (try? FileSystem.read(log, byteCountMax: 64 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter { $0.contains(words) }
    }

    /// The samples of its metrics with this at their beginning.
    func metrics(_ name: String) throws -> [String] {
        let result = try ChildProcess.run(
            ["ip", "netns", "exec", namespace, "curl", "-s", "--max-time", "10", "http://127.0.0.1:15020/metrics"],
            limit: .seconds(20))
        return String(decoding: result.output, as: UTF8.self).split(separator: "\n").map(String.init).filter {
            $0.hasPrefix(name)
        }
    }

    /// Its memory by the kernel's name, in MiB.
    func memory(_ name: String) throws -> Int {
        let pid = try #require(process?.identifier)
        let status = String(decoding: try FileSystem.read("/proc/\(pid)/status"), as: UTF8.self)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(name):") })
        return try #require(Int(line.filter(\.isNumber))) / 1024
    }

    /// Waits until the condition holds; whether it does.
    @discardableResult
    func wait(atMost limit: Duration, until condition: () throws -> Bool) rethrows -> Bool {
        let deadline = MonotonicClock.now() + limit
        while try !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            usleep(100_000)
        }
        return true
    }
}
