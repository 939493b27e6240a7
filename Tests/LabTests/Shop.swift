import Glibc
import Lab
import Primitives
import System
import Testing

/// The sample shop in a lab with all programs, and what tests do in it. Needs root.
enum Shop {
    private static let examples = String(#filePath.dropLast("Tests/LabTests/Shop.swift".count)) + "Examples/shop"

    /// A server that answers whatever it hears with its peer's address.
    private static let server = """
        import socket, sys, threading
        s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)
        def serve(c, a):
            try:
                while c.recv(99): c.sendall(a[0].removeprefix("::ffff:").encode())
            except OSError: pass
            c.close()
        while True: threading.Thread(target=serve, args=s.accept(), daemon=True).start()
        """

    /// A client that says a word to each server in turn and prints the answers, an empty line where there is none.
    private static let client = """
        import socket, sys
        for word in sys.argv[1:]:
            host, port = word.rsplit(":", 1)
            try:
                c = socket.create_connection((host.strip("[]"), int(port)), 5)
                c.sendall(b"hello")
                print(c.recv(99).decode())
            except OSError: print()
        """

    /// A client that connects again and again, says a word each time, and prints how often it had no answer, of how
    /// many times, why, and when, in milliseconds since 1970.
    private static let load = """
        import socket, sys, time
        until, failures, times, count = time.time() + float(sys.argv[3]), [], [], 0
        while time.time() < until:
            try:
                count += 1
                with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as c:
                    c.sendall(b"hello")
                    if not c.recv(99): raise OSError("end")
            except OSError as failure:
                failures.append(failure.strerror or str(failure))
                times.append(int(time.time() * 1000))
            time.sleep(0.005)
        print(len(failures), count, sorted(set(failures)), *times)
        """

    /// A client that says a word every now and then on one connection and prints whether all were answered.
    private static let conversation = """
        import socket, sys, time
        until = time.time() + float(sys.argv[3])
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 5) as c:
            while time.time() < until:
                c.sendall(b"hello")
                if not c.recv(99): sys.exit("closed")
                time.sleep(0.02)
        print("whole")
        """

    /// Brings the lab up, with further manifests if there are any, and a server in each of its pods but those left out.
    static func run(
        adding manifests: String = "", unserved: Set<String> = [], agent: [String: String] = [:],
        _ body: (Lab) throws -> Void
    ) throws {
        let folder = try #require(LabFolder(name: "cvt\(Entropy.uint64() % 1_000_000)"))
        let program = try Processes.ownProgram()
        let binaries = String(program.prefix(upTo: try #require(program.lastIndex(of: "/"))))
        let source = "/tmp/\(folder.name)"
        try FileSystem.makeDirectory(source, mode: 0o755)
        defer { _ = try? ChildProcess.run(["rm", "-rf", source]) }
        _ = try ChildProcess.run(["cp", "-r", "\(examples)/.", source])
        try FileSystem.write(Array(manifests.utf8), to: "\(source)/more.yaml", mode: 0o644)
        var options = Lab.Options(binaries: binaries)
        options.agentEnvironment = agent
        let lab = Lab(folder, manifests: source, options: options)
        try lab.start()
        defer { lab.stop() }
        for pod in ["web", "cart-0", "cart-1", "ledger", "passer-by"] where !unserved.contains(pod) {
            try serve(pod == "ledger" ? 9000 : 8080, in: pod, lab)
        }
        try body(lab)
    }

    /// Starts a server and waits until it listens; connections of a pod to its own loopback are nobody's business.
    @discardableResult
    static func serve(_ port: Int, in pod: String, _ lab: Lab) throws -> ChildProcess {
        let child = try lab.spawn(["python3", "-c", server, "\(port)"], in: pod)
        let isThere = try eventually { try call("127.0.0.1", port, from: pod, lab) != nil }
        #expect(isThere, "no server in \(pod)")
        return child
    }

    /// A server beside the pods.
    static func serve(_ port: Int, at namespace: NetworkNamespace) throws -> ChildProcess {
        try namespace.perform { () throws(Errno) in
            try ChildProcess.spawn(["python3", "-c", server, "\(port)"])
        }
    }

    /// The answer to a call, or nil when it fails.
    static func call(_ host: String, _ port: Int, from pod: String, _ lab: Lab) throws -> String? {
        try calls(["\(host):\(port)"], from: pod, lab).first ?? nil
    }

    /// The answers to calls of `HOST:PORT`, one after the other.
    static func calls(_ servers: [String], from pod: String, _ lab: Lab) throws -> [String?] {
        let result = try lab.run(["python3", "-c", client] + servers, in: pod, limit: .seconds(60))
        return String(decoding: result.output, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            .prefix(servers.count).map { $0.isEmpty ? nil : String($0) }
    }

    /// Calls again and again for so many seconds, beside what else happens.
    static func load(_ host: String, _ port: Int, from pod: String, seconds: Int, _ lab: Lab) throws -> Output {
        try Output(["python3", "-c", load, host, "\(port)", "\(seconds)"], in: pod, lab)
    }

    /// Talks on one connection for so many seconds, beside what else happens.
    static func converse(_ host: String, _ port: Int, from pod: String, seconds: Int, _ lab: Lab) throws -> Output {
        try Output(["python3", "-c", conversation, host, "\(port)", "\(seconds)"], in: pod, lab)
    }

    /// Calls again until the outcome is as wanted, for at most a few seconds.
    static func eventually(_ body: () throws -> Bool) throws -> Bool {
        let deadline = MonotonicClock.now() + .seconds(5)
        while MonotonicClock.now() < deadline {
            if try body() { return true }
            Processes.pause(.milliseconds(50))
        }
        return false
    }

    /// The lines of a node's page that count closed connections.
    static func closed(on node: String, _ lab: Lab) throws -> [Substring] {
        let page = try lab.namespace(ofNode: node).perform { () throws(Errno) in
            try ChildProcess.run(["curl", "-s", "http://127.0.0.1:15020/metrics"])
        }
        return String(decoding: page.output, as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix("istio_tcp_connections_closed_total") }
    }

    /// The rules of the mesh in a pod.
    static func rules(in pod: String, _ lab: Lab) throws -> [Substring] {
        String(decoding: try lab.run(["iptables-save"], in: pod).output, as: UTF8.self).split(separator: "\n")
            .filter { $0.hasPrefix("-A ISTIO") }
    }

    /// Puts a manifest in place of what was there.
    static func set(_ file: String, _ text: String, _ lab: Lab) throws {
        try FileSystem.write(Array(text.utf8), to: "\(lab.folder.manifests)/\(file)", mode: 0o644)
    }

    /// A program that runs in a pod meanwhile, and what it prints.
    final class Output {
        private let child: ChildProcess
        private let path: String

        init(_ words: [String], in pod: String, _ lab: Lab) throws {
            path = "/tmp/\(lab.folder.name)/output-\(Entropy.uint64())"
            var options = ChildProcess.Options()
            options.output = .appending(path: path)
            options.errors = options.output
            child = try lab.spawn(words, in: pod, options: options)
        }

        /// What it printed until its end.
        func text() throws -> String {
            _ = try child.wait(atMost: .seconds(60))
            return String(decoding: try FileSystem.read(path), as: UTF8.self)
        }
    }

    /// A running program as it would be started again.
    struct Recipe {
        var words: [String]
        private var environment: [String]

        init(of child: ChildProcess) throws {
            func parts(_ file: String) throws -> [String] {
                try FileSystem.read("/proc/\(child.identifier)/\(file)").split(separator: 0)
                    .map { String(decoding: $0, as: UTF8.self) }
            }
            (words, environment) = (try parts("cmdline"), try parts("environ"))
        }

        /// With this variable instead of what it had, if it had any.
        func setting(_ variable: String, to value: String) -> Recipe {
            var recipe = self
            recipe.environment.removeAll { $0.hasPrefix("\(variable)=") }
            recipe.environment.append("\(variable)=\(value)")
            return recipe
        }

        func start(in namespace: NetworkNamespace, logging path: String) throws -> ChildProcess {
            var options = ChildProcess.Options()
            options.environment = environment
            options.output = .appending(path: path)
            options.errors = options.output
            let chosen = options
            return try namespace.perform { () throws(Errno) in try ChildProcess.spawn(words, options: chosen) }
        }
    }
}
