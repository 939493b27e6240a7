import Glibc
import Interception
import Primitives
import System
import Testing

/// Two nodes by the real program, `n1` with the pod web and `n2` with cart and idle; the peer is their control plane,
/// their CA and their interception agents. Everything is in network namespaces of its own; the nodes' own networks
/// serve only to reach the control plane.
final class World {
    /// A pod's name and address, and the node that serves it, if one does.
    struct Pod {
        var name: String
        var address: String
        var node: String?
        var namespace = "shop"
    }

    static let controlPlane = "10.78.0.254"
    let istiod: Istiod
    let prefix: String
    private var nodes: [String: ChildProcess] = [:]
    private var others: [ChildProcess] = []
    private let environment: [String: String]
    private let settings: (Istiod, String) -> [String: String]
    private let pods: [Pod]
    private static let pods = [
        Pod(name: "web", address: "10.78.1.1", node: "n1"), Pod(name: "cart", address: "10.78.1.2", node: "n2"),
        Pod(name: "idle", address: "10.78.1.3", node: "n2"),
    ]

    /// - Parameters:
    ///   - lifetime: seconds for which certificates hold.
    ///   - authority: more settings of the CA, JSON behind a comma.
    ///   - environment: more settings of the nodes, or others.
    ///   - settings: the like for one node, once the peer is up.
    ///   - pods: further pods; those on a node are not told of unless by `prepare`.
    ///   - names: what a name server of the nodes knows, `NAME=ADDRESS`; without any there is none.
    ///   - prepare: what happens before the nodes start.
    init(
        lifetime: Int = 3600, authority: String = "", environment: [String: String] = [:], capturesDNS: Bool = false,
        pods: [Pod] = [], names: [String] = [],
        settings: @escaping (Istiod, String) -> [String: String] = { _, _ in [:] },
        prepare: (Istiod) throws -> Void = { _ in }
    ) throws {
        self.environment = environment
        self.settings = settings
        self.pods = Self.pods + pods
        prefix = "ci\(getpid() % 10000)\(Entropy.uint64() % 1000)"
        try Self.run("ip", "netns", "add", prefix)
        try Self.run("ip", "-n", prefix, "link", "set", "lo", "up")
        try Self.run("ip", "-n", prefix, "link", "add", "bridge", "type", "bridge")
        try Self.run("ip", "-n", prefix, "addr", "add", "\(Self.controlPlane)/16", "dev", "bridge")
        try Self.run("ip", "-n", prefix, "link", "set", "bridge", "up")
        for (name, address) in [("n1", "10.78.0.1"), ("n2", "10.78.0.2")] + self.pods.map({ ($0.name, $0.address) }) {
            try Self.attach(name, address, prefix)
        }
        for pod in self.pods where pod.node != nil {
            _ = try PodNetwork(families: [.v4]).install(
                CaptureOptions(capturesDNS: capturesDNS), in: .open(path: "/run/netns/\(prefix)-\(pod.name)"))
        }
        istiod = try Istiod(at: Self.controlPlane, in: .open(path: "/run/netns/\(prefix)"))
        istiod.tell("ca", "\"lifetime\": \(lifetime)\(authority)")
        try populate()
        try prepare(istiod)
        if !names.isEmpty { try serve(names) }
        for node in ["n1", "n2"] { try start(node) }
        for pod in ["cart", "idle"] { try serve(in: pod) }
    }

    deinit {
        for process in others + Array(nodes.values) { process.send(signal: SIGKILL) }
        for process in others + Array(nodes.values) { _ = try? process.wait(atMost: .seconds(5)) }
        istiod.kill()
        for name in ["n1", "n2"] + pods.map(\.name) {
            _ = try? ChildProcess.run(["ip", "netns", "del", "\(prefix)-\(name)"])
            _ = try? ChildProcess.run(["rm", "-rf", "/etc/netns/\(prefix)-\(name)"])
        }
        _ = try? ChildProcess.run(["ip", "netns", "del", prefix])
    }

    /// Tells the control plane of the mesh and the agents of their pods.
    func populate() throws {
        istiod.tell(
            "put",
            Json.put(
                "address", Json.workload("web", address: "10.78.1.1", node: "n1", aliases: ["/10.78.1.1"]),
                Json.workload(
                    "cart", address: "10.78.1.2", node: "n2", service: "cart",
                    aliases: ["/10.78.1.2", "shop/cart.shop.svc.cluster.local"]),
                Json.workload("idle", address: "10.78.1.3", node: "n2", aliases: ["/10.78.1.3"]),
                Json.service("cart", address: "10.96.0.1", aliases: ["/10.96.0.1"])))
        for pod in pods { if let node = pod.node { enrol(pod.name, on: node, namespace: pod.namespace) } }
    }

    /// Has a node's agent enrol a pod.
    func enrol(_ pod: String, on node: String, namespace: String = "shop") {
        istiod.tell(
            "enrol",
            """
            "socket": "\(istiod.folder)/\(node).sock", "uid": "uid-\(pod)", "name": "\(pod)",
            "namespace": "\(namespace)", "account": "\(pod)", "netns": "/run/netns/\(prefix)-\(pod)"
            """)
    }

    /// Has a node's agent take a pod back.
    func withdraw(_ pod: String, from node: String) {
        istiod.tell("withdraw", "\"socket\": \"\(istiod.folder)/\(node).sock\", \"uid\": \"uid-\(pod)\"")
    }

    /// Puts another control plane in the place of this one, with a root of its own that the nodes are told.
    func replaceControlPlane(lifetime: Int) throws {
        istiod.kill()
        for node in ["n1", "n2"] { try FileSystem.remove("\(istiod.folder)/\(node).sock") }
        try istiod.start()
        istiod.tell("ca", "\"lifetime\": \(lifetime)")
        try populate()
        istiod.tell("trust", #""root": "a""#)
    }

    private func start(_ node: String) throws {
        var settings = [
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XDS_ADDRESS": "https://\(Self.controlPlane):\(istiod.port)",
            "CA_ADDRESS": "https://\(Self.controlPlane):\(istiod.port)", "XDS_ROOT_CA": "\(istiod.folder)/root.pem",
            "CA_ROOT_CA": "\(istiod.folder)/root.pem", "AUTH_TOKEN": "\(istiod.folder)/token", "NODE_NAME": node,
            "INPOD_UDS": "\(istiod.folder)/\(node).sock", "RUST_LOG": "debug", "IPV6_ENABLED": "false",
            // So that handshakes go on all the time.
            "POOL_UNUSED_RELEASE_TIMEOUT": "20ms", "ISTIO_META_DNS_CAPTURE": "false",
            "CRL_PATH": revocations(of: node),
        ]
        settings.merge(environment) { _, new in new }
        settings.merge(self.settings(istiod, node)) { _, new in new }
        var options = ChildProcess.Options()
        options.output = .appending(path: log(of: node))
        options.errors = .appending(path: log(of: node))
        options.environment = settings.map { "\($0.key)=\($0.value)" }
        // So that it finds its own resolv.conf, if there is one.
        let entry = ["ip", "netns", "exec", "\(prefix)-\(node)"]
        let program = "\(Istiod.Checkout.repository)/.build/debug/culvert-node"
        nodes[node] = try ChildProcess.spawn(entry + [program], options: options)
    }

    /// Starts an application that sends back what it gets.
    @discardableResult
    func serve(in pod: String) throws -> ChildProcess {
        let script = "\(Istiod.Checkout.repository)/Tests/peers/istiod-traffic"
        let process = try spawn([Istiod.Checkout.python, script, "serve", "8080"], in: pod)
        others.append(process)
        return process
    }

    /// Starts a name server, where the control plane is, and has the nodes ask it.
    private func serve(_ names: [String]) throws {
        for node in ["n1", "n2"] {
            let folder = "/etc/netns/\(prefix)-\(node)"
            try World.run("mkdir", "-p", folder)
            try FileSystem.write(
                Array("nameserver \(Self.controlPlane)\n".utf8), to: "\(folder)/resolv.conf", mode: 0o644)
        }
        let log = "\(istiod.folder)/names"
        let command = ["\(Istiod.Checkout.repository)/Tests/peers/nameserver", log, "\(Self.controlPlane):53"]
        others.append(
            try NetworkNamespace.open(path: "/run/netns/\(prefix)").perform { () throws(Errno) -> ChildProcess in
                try ChildProcess.spawn(command + names)
            })
        #expect(wait { ((try? FileSystem.read(log)) ?? []).contains(UInt8(ascii: "\n")) }, "no name server")
    }

    /// Kills a node and starts it again.
    func restart(_ node: String) throws {
        _ = try nodes[node]?.stop(within: .zero)
        try start(node)
    }

    /// Whether a node listens for the connections that a pod opens.
    func listens(_ pod: String) -> Bool {
        let result = try? ChildProcess.run(["ip", "netns", "exec", "\(prefix)-\(pod)", "ss", "-Hltn"])
        return String(decoding: result?.output ?? [], as: UTF8.self).contains(":15001 ")
    }

    /// The file of revocation lists that a node follows; there is none at first.
    func revocations(of node: String) -> String { "\(istiod.folder)/\(node)-crl.pem" }

    private func log(of node: String) -> String { "\(istiod.folder)/\(node).log" }

    /// What a node has logged.
    func lines(of node: String) -> [Substring] {
        let bytes = (try? FileSystem.read(log(of: node), byteCountMax: 64 << 20)) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    }

    /// The end of both logs, for a failed expectation.
    var ends: String { ["n1", "n2"].flatMap { lines(of: $0).suffix(5) }.joined(separator: "\n") }

    /// Waits until the condition holds; whether it does.
    @discardableResult
    func wait(atMost limit: Duration = .seconds(20), until condition: () -> Bool) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            usleep(20_000)
        }
        return true
    }

    /// Waits until all pods are enrolled and have their certificates.
    func awaitReady() {
        #expect(wait { istiod.count("enrolment") >= 3 && istiod.count("certificate") >= 3 }, "\(ends)")
        #expect(wait { (try? call("10.96.0.1")) == "hello\n" }, "\(ends)")
    }

    /// Certificates that an identity was given so far.
    func certificateCount(_ account: String) -> Int { istiod.all("certificate", "sa/\(account)\"").count }

    /// What one exchange on a new connection from web, or another pod, brings.
    func call(_ address: String, _ port: Int = 80, from pod: String = "web", seconds: Int = 8) throws -> String {
        let script = """
            import socket
            c = socket.create_connection(("\(address)", \(port)), \(seconds))
            c.settimeout(\(seconds)); c.sendall(b"hello"); print(c.recv(99).decode())
            """
        return try run(python: script, in: pod)
    }

    /// The same, to port 80 of a name that only the node looks up.
    func callBySOCKS(_ name: String) throws -> String {
        let script = """
            import socket, struct
            c = socket.create_connection(("127.0.0.1", 15080), 8); c.settimeout(8)
            c.sendall(bytes([5, 1, 0])); c.recv(2)
            c.sendall(bytes([5, 1, 0, 3, len("\(name)")]) + b"\(name)" + struct.pack(">H", 80))
            a = c.recv(10); assert a[1] == 0, a
            c.sendall(b"hello"); print(c.recv(99).decode())
            """
        return try run(python: script)
    }

    /// What web, or another pod, is told when it asks for the IPv4 addresses of a name: the answer's code, and these.
    func resolve(_ name: String, from pod: String = "web", seconds: Int = 8) throws -> String {
        let script = """
            import socket, struct
            labels = b"".join(bytes([len(l)]) + l.encode() for l in "\(name)".split("."))
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(\(seconds))
            s.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + labels + bytes([0, 0, 1, 0, 1]), ("10.96.0.53", 53))
            a = s.recv(512); count = struct.unpack(">H", a[6:8])[0]
            records = [a[len(a) - 16 * n + 12:len(a) - 16 * n + 16] for n in range(count, 0, -1)]
            print(a[3] & 15, *map(socket.inet_ntoa, records))
            """
        return try run(python: script, in: pod)
    }

    /// What a script prints in a pod.
    func run(python script: String, in pod: String = "web") throws -> String {
        let result = try ChildProcess.run(
            ["ip", "netns", "exec", "\(prefix)-\(pod)", "python3", "-c", script], limit: .seconds(30))
        return String(decoding: result.output + result.errors.suffix(200), as: UTF8.self)
    }

    /// Starts traffic from web to the service of cart, or to where else it is told.
    func startTraffic(to target: String = "10.96.0.1 80", pause: Double = 0.02) throws -> Traffic {
        let output = "\(istiod.folder)/traffic-\(Entropy.uint64())"
        let script = "\(Istiod.Checkout.repository)/Tests/peers/istiod-traffic"
        let process = try spawn(
            [Istiod.Checkout.python, script, "steady"] + target.split(separator: " ").map(String.init) + ["\(pause)"],
            in: "web", output: output)
        return Traffic(process: process, output: output)
    }

    /// Drops every packet between a node and the control plane, and says nothing; or no more.
    func lose(_ node: String, _ isLost: Bool) throws {
        for end in ["--dport", "--sport"] {
            let chain = end == "--dport" ? "OUTPUT" : "INPUT"
            try Self.run(
                "ip", "netns", "exec", "\(prefix)-\(node)", "iptables", isLost ? "-A" : "-D", chain, "-p", "tcp", end,
                "\(istiod.port)", "-j", "DROP")
        }
    }

    /// Connections that a pod holds to a port of others.
    func sockets(of pod: String, to port: Int) throws -> Int {
        let result = try ChildProcess.run(
            ["ip", "netns", "exec", "\(prefix)-\(pod)", "ss", "-Htn", "state", "established", "dport", "= :\(port)"])
        return result.output.count { $0 == UInt8(ascii: "\n") }
    }

    /// What the openssl program says of a handshake with cart's node in which it offers one group.
    func handshake(offering group: String) throws -> String {
        let result = try ChildProcess.run([
            "ip", "netns", "exec", "\(prefix)-n1", "timeout", "3", "openssl", "s_client", "-connect", "10.78.1.2:15008",
            "-alpn", "h2", "-groups", group,
        ])
        return String(decoding: result.output + result.errors, as: UTF8.self)
    }

    /// A node's page of metrics.
    func metrics(of node: String) throws -> String {
        let script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:15020/metrics').read().decode())"
        let result = try ChildProcess.run(["ip", "netns", "exec", "\(prefix)-\(node)", "python3", "-c", script])
        return String(decoding: result.output, as: UTF8.self)
    }

    /// Takes a node's own network away, or gives it back.
    func partition(_ node: String, _ isCut: Bool) throws {
        try Self.run("ip", "-n", prefix, "link", "set", "to-\(node)", isCut ? "down" : "up")
    }

    func spawn(_ command: [String], in pod: String, output: String? = nil) throws -> ChildProcess {
        var options = ChildProcess.Options()
        options.output = output.map { .appending(path: $0) } ?? .null
        let chosen = options
        return try NetworkNamespace.open(path: "/run/netns/\(prefix)-\(pod)").perform {
            () throws(Errno) -> ChildProcess in try ChildProcess.spawn(command, options: chosen)
        }
    }

    private static func attach(_ name: String, _ address: String, _ prefix: String) throws {
        let netns = "\(prefix)-\(name)"
        try run("ip", "netns", "add", netns)
        try run("ip", "-n", netns, "link", "add", "eth0", "type", "veth", "peer", "name", "to-\(name)", "netns", prefix)
        try run("ip", "-n", prefix, "link", "set", "to-\(name)", "master", "bridge", "up")
        try run("ip", "-n", netns, "link", "set", "lo", "up")
        try run("ip", "-n", netns, "addr", "add", "\(address)/16", "dev", "eth0")
        try run("ip", "-n", netns, "link", "set", "eth0", "up")
        // What is dialled outside the pods' own network is captured before it would be sent there.
        try run("ip", "-n", netns, "route", "add", "default", "dev", "eth0")
    }

    static func run(_ arguments: String...) throws {
        let result = try ChildProcess.run(arguments)
        try #require(result.status == .exited(0), "\(arguments): \(String(decoding: result.errors, as: UTF8.self))")
    }
}

/// Traffic that goes on.
struct Traffic {
    let process: ChildProcess
    let output: String

    /// Whether its lasting connections have all exchanged bytes.
    var hasBegun: Bool { String(decoding: (try? FileSystem.read(output)) ?? [], as: UTF8.self).contains("begun") }

    /// Ends it and tells what became of it.
    func stop() throws -> String {
        process.send(signal: SIGTERM)
        _ = try process.wait(atMost: .seconds(15))
        return String(decoding: try FileSystem.read(output), as: UTF8.self)
    }
}
