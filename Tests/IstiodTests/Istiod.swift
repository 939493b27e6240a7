import Glibc
import Primitives
import System
import Testing

/// The small istiod of `Tests/peers/istiod`, by grpcio and Google's protobuf, in a process of its own.
final class Istiod {
    enum Checkout {
        static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        static let python = "\(repository)/.build/peers/bin/python"
        static var isPrepared: Bool { ((try? FileSystem.status(of: python)) ?? nil) != nil }
    }

    let folder: String
    let address: IPAddress
    private(set) var port: UInt16
    private var process: ChildProcess?
    private let namespace: NetworkNamespace?

    /// - Parameter namespace: where it serves; nil for the test's own.
    init(at address: String = "127.0.0.1", in namespace: NetworkNamespace? = nil) throws {
        self.namespace = namespace
        self.address = try #require(IPAddress(address))
        folder = "/dev/shm/culvert-istiod-\(getpid())-\(UInt32(truncatingIfNeeded: Entropy.uint64()))"
        port = 0
        try FileSystem.makeDirectory(folder, mode: 0o700)
        try FileSystem.write(Array("token-1\n".utf8), to: "\(folder)/token", mode: 0o600)
        try start()
    }

    deinit {
        kill()
        _ = try? ChildProcess.run(["rm", "-rf", folder])
    }

    /// Starts it, or another one in its place: at the same address, knowing nothing.
    func start() throws {
        var options = ChildProcess.Options()
        options.output = .appending(path: "\(folder)/events")
        options.errors = .appending(path: "\(folder)/errors")
        options.environment = ["PYTHONDONTWRITEBYTECODE=1", "PATH=/usr/bin:/bin", "GRPC_VERBOSITY=NONE"]
        let command = [
            Checkout.python, "\(Checkout.repository)/Tests/peers/istiod", folder, "\(address)", "\(port)",
        ]
        let chosen = options
        let earlier = count("ready")
        process = try (namespace ?? .current()).perform { () throws(Errno) -> ChildProcess in
            try ChildProcess.spawn(command, options: chosen)
        }
        wait(atMost: .seconds(30)) { count("ready") > earlier }
        let line = try #require(events.last { $0.contains("\"ready\"") }, "\(errors)")
        port = try #require(Endpoint.port(line.drop { !$0.isNumber }.prefix { $0.isNumber }))
    }

    /// Ends it without a word to anybody.
    func kill() { _ = try? process?.stop(within: .zero) }

    /// Stops and continues the whole process, whose connections stay open.
    func freeze() { process?.send(signal: SIGSTOP) }
    func thaw() { process?.send(signal: SIGCONT) }

    /// Carries out a command, given as its name and JSON without the braces.
    func tell(_ name: String, _ arguments: String = "", sourceLocation: SourceLocation = #_sourceLocation) {
        let earlier = count("done")
        let text = "{\"do\": \"\(name)\"\(arguments.isEmpty ? "" : ", ")\(arguments)}\n"
        let pipe = unsafe open("\(folder)/commands", O_WRONLY | O_CLOEXEC)
        guard pipe >= 0 else {
            Issue.record("the peer takes no commands", sourceLocation: sourceLocation)
            return
        }
        let bytes = Array(text.replacing("\n", with: " ").utf8) + [UInt8(ascii: "\n")]
        _ = unsafe write(pipe, bytes, bytes.count)
        close(pipe)
        wait(atMost: .seconds(60)) { count("done") > earlier }
        let answer = events.last { $0.contains("\"done\"") } ?? ""
        #expect(!answer.contains("failure") && !answer.isEmpty, "\(answer) \(errors)", sourceLocation: sourceLocation)
    }

    /// All events so far, one line of JSON each.
    var events: [Substring] { lines(of: "events") }

    private var errors: String { lines(of: "errors").suffix(20).joined(separator: "\n") }

    private func lines(of name: String) -> [Substring] {
        let bytes = (try? FileSystem.read("\(folder)/\(name)")) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    /// The events that hold all these words; the first is the event's name.
    func all(_ event: String, _ words: String...) -> [Substring] {
        events.filter { line in line.contains("\"event\": \"\(event)\"") && words.allSatisfy { line.contains($0) } }
    }

    func count(_ event: String) -> Int { all(event).count }

    @discardableResult
    private func wait(atMost limit: Duration, _ condition: () -> Bool) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            usleep(5000)
        }
        return true
    }
}

/// Resources as the peer takes them.
enum Json {
    static func workload(
        _ name: String, address: String, account: String? = nil, node: String = "n1", hbone: Bool = true,
        service: String? = nil, aliases: [String] = [], more: String = ""
    ) -> String {
        let uid = "Kubernetes//Pod/shop/\(name)"
        let services =
            service.map {
                ", \"services\": {\"shop/\($0).shop.svc.cluster.local\": "
                    + "{\"ports\": [{\"servicePort\": 80, \"targetPort\": 8080}]}}"
            } ?? ""
        let names = aliases.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            {"name": "\(uid)", "aliases": [\(names)], "value": {"workload": {
            "uid": "\(uid)", "name": "\(name)", "namespace": "shop", "serviceAccount": "\(account ?? name)",
            "addresses": ["\(address)"], "node": "\(node)",
            "canonicalName": "\(name)", "tunnelProtocol": "\(hbone ? "HBONE" : "NONE")"\(services)\(more)}}}
            """
    }

    static func service(_ name: String, address: String, aliases: [String] = [], more: String = "") -> String {
        let names = aliases.map { "\"\($0)\"" }.joined(separator: ", ")
        return """
            {"name": "shop/\(name).shop.svc.cluster.local", "aliases": [\(names)], "value": {"service": {
            "name": "\(name)", "namespace": "shop", "hostname": "\(name).shop.svc.cluster.local",
            "addresses": [{"address": "\(address)"}],
            "ports": [{"servicePort": 80, "targetPort": 8080}]\(more)}}}
            """
    }

    /// A policy for workloads that name it, which lets in this account and no other.
    static func policy(_ name: String, admitting account: String) -> String {
        """
        {"name": "shop/\(name)", "value": {"name": "\(name)", "namespace": "shop", "scope": "WORKLOAD_SELECTOR",
        "rules": [{"clauses": [{"matches": [
        {"principals": [{"exact": "cluster.local/ns/shop/sa/\(account)"}]}]}]}]}}
        """
    }

    /// The arguments of `put`.
    static func put(_ type: String, _ resources: String...) -> String {
        "\"type\": \"\(type)\", \"resources\": [\(resources.joined(separator: ", "))]"
    }
}
