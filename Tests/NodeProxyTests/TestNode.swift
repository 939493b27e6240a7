import Certificates
import EventLoop
import Glibc
import Identity
import Interception
import Mesh
import Primitives
import Synchronization
import System
import TLS
import Telemetry
import Testing

@testable import NodeProxy

/// A pod: a network namespace with one interface, its captured traffic, and its record in the mesh.
final class TestPod: Sendable {
    let workload: Workload
    let address: IPAddress
    let address6: IPAddress
    let namespace: NetworkNamespace
    let netnsName: String

    /// Makes `PREFIX-NAME`, the pod of this number; all pods of a test hang on the bridge in `PREFIX`.
    init(_ prefix: String, _ pod: String, number: Int) throws {
        netnsName = "\(prefix)-\(pod)"
        address = IPAddress(v4: 0x0a4d_0000 + UInt32(number))
        address6 = IPAddress(v6High: 0xfd77 << 48, low: UInt64(number))
        let link = "pod\(number)"
        try run("ip", "netns", "add", netnsName)
        try run("ip", "-n", netnsName, "link", "add", "eth0", "type", "veth", "peer", "name", link, "netns", prefix)
        try run("ip", "-n", prefix, "link", "set", link, "master", "bridge", "up")
        try run("ip", "-n", netnsName, "link", "set", "lo", "up")
        try run("ip", "-n", netnsName, "addr", "add", "\(address)/24", "dev", "eth0")
        try run("ip", "-n", netnsName, "addr", "add", "\(address6)/64", "dev", "eth0", "nodad")
        try run("ip", "-n", netnsName, "link", "set", "eth0", "up")
        // What is dialled outside the pods' own network is captured before it would be sent there.
        try run("ip", "-n", netnsName, "route", "add", "default", "dev", "eth0")
        namespace = try NetworkNamespace.open(path: "/run/netns/\(netnsName)")
        workload = Workload(
            uid: "Kubernetes//Pod/shop/\(pod)", name: pod, namespace: "shop", serviceAccount: pod,
            addresses: [address, address6], node: "n1", canonicalName: pod, tunnelProtocol: .hbone)
    }

    func capture() throws {
        _ = try PodNetwork(families: [.v4, .v6]).install(CaptureOptions(capturesDNS: false), in: namespace)
    }

    /// A listener of the pod's application.
    func listen(_ port: UInt16, on address: IPAddress? = nil) throws -> OwnedDescriptor {
        let address = address ?? self.address
        return try namespace.perform { () throws(Errno) -> OwnedDescriptor in
            try TCPSocket.listen(on: Endpoint(address, port: port))
        }
    }

    func connect(_ endpoint: Endpoint) throws -> OwnedDescriptor {
        try namespace.perform { () throws(Errno) -> OwnedDescriptor in try TCPSocket.connect(to: endpoint) }
    }

    var workloadName: WorkloadName {
        WorkloadName(name: workload.name, namespace: workload.namespace, serviceAccount: workload.serviceAccount)
    }
}

func run(_ arguments: String...) throws { try run(arguments) }

func run(_ arguments: [String]) throws {
    let result = try ChildProcess.run(arguments)
    guard result.status == .exited(0) else {
        throw CertificateFailure("\(arguments): \(String(decoding: result.errors, as: UTF8.self))")
    }
}

/// A node with its control loop on a thread of its own, and its pods on one wire: `web`, `cart`, and others as asked.
final class TestNode: Sendable {
    let web: TestPod
    let cart: TestPod
    private let pods: [TestPod]
    private let prefix: String
    private let mailbox: Mailbox
    private let log: Int32

    let authority: CertificateAuthority
    let authorityKey: PrivateKey

    /// - Parameters:
    ///   - enrolled: the pods that the node proxy serves; the others are left to themselves.
    ///   - others: pods beside web and cart.
    ///   - knowsMesh: false leaves the node in its first load, until `know`.
    ///   - unsigned: pods whose certificates the CA refuses.
    init(
        enrolling enrolled: Set<String> = ["web", "cart"], others: [String] = [], knowsMesh: Bool = true,
        unsigned: Set<String> = [], configuration: NodeConfiguration = NodeConfiguration()
    ) throws {
        (authority, authorityKey) = try LocalSigner.makeRoot()
        var configuration = configuration
        // `Tests/kernel-tls` asks for it.
        configuration.tls.offersOffload = unsafe getenv("CULVERT_KERNEL_TLS") != nil
        let prefix = "cv\(getpid() % 10000)\(UInt16.random(in: 0...999))"
        self.prefix = prefix
        try run("ip", "netns", "add", prefix)
        try run("ip", "-n", prefix, "link", "add", "bridge", "type", "bridge")
        try run("ip", "-n", prefix, "link", "set", "bridge", "up")
        pods = try (["web", "cart"] + others).enumerated().map { try TestPod(prefix, $1, number: $0 + 1) }
        (web, cart) = (pods[0], pods[1])
        let pods = pods.filter { enrolled.contains($0.workload.name) }
        for pod in pods { try pod.capture() }
        log = unsafe open("/dev/shm/\(prefix).log", O_RDWR | O_CREAT | O_TRUNC, 0o600)
        let logger = try Logger(filter: try #require(LogFilter.standard.adding("debug")), descriptor: log)
        let box = Mutex<Mailbox?>(nil)
        let arrived = try Wakeup.make()
        let handOff = HandOff(box: box, arrived: arrived)
        Thread.start(named: "test-node") { [authority, configuration] in
            guard let loop = try? EventLoop(),
                let node = try? Node(loop: loop, configuration: configuration, logger: logger),
                (try? node.start(signer: LocalSigner(authority, refusing: unsigned))) != nil
            else { return Wakeup.signal(handOff.arrived) }
            handOff.box.withLock { $0 = loop.mailbox }
            Wakeup.signal(handOff.arrived)
            loop.run()
            logger.flush()
        }
        Wakeup.wait(handOff.arrived)
        mailbox = try #require(handOff.box.withLock { $0 })
        publish { _ in }
        if knowsMesh { know() }
        for pod in pods { try enrol(pod) }
    }

    /// The first state of the mesh is whole.
    func know() { perform { $0.meshBecameKnown() } }

    /// Starts the pod's proxy and waits for the answer, which is to be this.
    func enrol(_ pod: TestPod, expecting expected: PodStart = .started) throws {
        let handOff = HandOff(box: Mutex(nil), arrived: try Wakeup.make())
        perform { node in
            node.startPod(uid: pod.workload.uid, pod.workloadName, pod.namespace) { outcome in
                #expect(outcome == expected)
                Wakeup.signal(handOff.arrived)
            }
        }
        Wakeup.wait(handOff.arrived)
    }

    /// Stops the pod's proxy and waits for the answer.
    func unenrol(_ pod: TestPod) throws {
        let handOff = HandOff(box: Mutex(nil), arrived: try Wakeup.make())
        perform { node in node.stopPod(uid: pod.workload.uid) { Wakeup.signal(handOff.arrived) } }
        Wakeup.wait(handOff.arrived)
    }

    /// Takes cart off the wire without a word to anybody.
    func unplugCart() throws { try run("ip", "-n", prefix, "link", "del", "pod2") }

    /// Unplugs cart, ends what runs in it by `end`, and puts another pod in its place, at its address.
    func replaceCart(_ end: () -> Void) throws -> TestPod {
        try unplugCart()
        end()
        let successor = try TestPod(prefix, "cart-again", number: 2)
        try run("ip", "-n", web.netnsName, "neigh", "flush", "all")
        return successor
    }

    /// A pod beside web and cart.
    func pod(_ name: String) throws -> TestPod { try #require(pods.first { $0.workload.name == name }) }

    private final class HandOff: Sendable {
        let box: Mutex<Mailbox?>
        let arrived: OwnedDescriptor
        init(box: consuming Mutex<Mailbox?>, arrived: consuming OwnedDescriptor) {
            self.box = box
            self.arrived = arrived
        }
    }

    deinit {
        perform { $0.shutDown() }
        for pod in pods { try? run("ip", "netns", "del", pod.netnsName) }
        _ = try? ChildProcess.run(["ip", "netns", "del", "\(prefix)-cart-again"])
        try? run("ip", "netns", "del", prefix)
        close(log)
        unsafe unlink("/dev/shm/\(prefix).log")
    }

    func perform(_ body: @escaping @Sendable (Node) -> Void) {
        mailbox.post { loop in (loop.resident as? Node).map(body) }
    }

    /// Publishes a mesh of all pods, with what `change` adds.
    func publish(_ change: (inout MeshState) -> Void) {
        var state = MeshState(settings: MeshSettings(node: "n1"))
        for pod in pods { state.insert(pod.workload) }
        change(&state)
        let final = state
        perform { $0.publish(final) }
    }

    /// The next connection of a pod's listener, within five seconds.
    func accept(_ listener: borrowing OwnedDescriptor) throws -> AcceptedSocket {
        guard let accepted = try eventually({ try TCPSocket.accept(listener) }) else {
            throw NoConnection(log: logText)
        }
        return accepted
    }

    /// The application saw no connection.
    private struct NoConnection: Error { let log: String }

    /// Everything logged so far.
    var logText: String {
        usleep(200_000)
        return (try? FileSystem.read("/dev/shm/\(prefix).log")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

/// Waits until `body` gives something, or five seconds.
func eventually<R: ~Copyable>(_ body: () throws -> R?) throws -> R? {
    for _ in 0..<500 {
        if let result = try body() { return result }
        usleep(10_000)
    }
    return nil
}
