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
    let namespace: NetworkNamespace
    let netnsName: String

    /// Makes `PREFIX-NAME`; both pods of a test hang on one veth pair.
    init(_ prefix: String, _ pod: String, _ address: String, interface: String) throws {
        netnsName = "\(prefix)-\(pod)"
        self.address = try #require(IPAddress(address))
        try run("ip", "-n", netnsName, "link", "set", "lo", "up")
        try run("ip", "-n", netnsName, "addr", "add", "\(address)/24", "dev", interface)
        try run("ip", "-n", netnsName, "link", "set", interface, "up")
        namespace = try NetworkNamespace.open(path: "/run/netns/\(netnsName)")
        workload = Workload(
            uid: "Kubernetes//Pod/shop/\(pod)", name: pod, namespace: "shop", serviceAccount: pod,
            addresses: [self.address], node: "n1", canonicalName: pod, tunnelProtocol: .hbone)
    }

    func capture() throws {
        _ = try PodNetwork(families: [.v4]).install(CaptureOptions(capturesDNS: false), in: namespace)
    }

    /// A listener of the pod's application.
    func listen(_ port: UInt16) throws -> OwnedDescriptor {
        try namespace.perform { () throws(Errno) -> OwnedDescriptor in
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

func run(_ arguments: String...) throws {
    let result = try ChildProcess.run(arguments)
    guard result.status == .exited(0) else {
        throw CertificateFailure("\(arguments): \(String(decoding: result.errors, as: UTF8.self))")
    }
}

/// A node with its control loop on a thread of its own, and two pods `web` and `cart` on one wire.
final class TestNode: Sendable {
    let web: TestPod
    let cart: TestPod
    private let prefix: String
    private let mailbox: Mailbox
    private let log: Int32

    let authority: CertificateAuthority

    /// - Parameter enrolled: the pods that the node proxy serves; the others are left to themselves.
    init(enrolling enrolled: Set<String> = ["web", "cart"]) throws {
        authority = try LocalSigner.makeAuthority()
        prefix = "cv\(getpid() % 10000)\(UInt16.random(in: 0...999))"
        for pod in ["web", "cart"] { try run("ip", "netns", "add", "\(prefix)-\(pod)") }
        try run(
            "ip", "link", "add", "eth0", "netns", "\(prefix)-web", "type", "veth", "peer", "name", "eth0", "netns",
            "\(prefix)-cart")
        web = try TestPod(prefix, "web", "10.77.0.1", interface: "eth0")
        cart = try TestPod(prefix, "cart", "10.77.0.2", interface: "eth0")
        let pods = [web, cart].filter { enrolled.contains($0.workload.name) }
        for pod in pods { try pod.capture() }
        log = unsafe open("/dev/shm/\(prefix).log", O_RDWR | O_CREAT | O_TRUNC, 0o600)
        let logger = try Logger(filter: try #require(LogFilter.standard.adding("debug")), descriptor: log)
        let box = Mutex<Mailbox?>(nil)
        let arrived = try Wakeup.make()
        let handOff = HandOff(box: box, arrived: arrived)
        Thread.start(named: "test-node") { [authority] in
            guard let loop = try? EventLoop(),
                let node = try? Node(loop: loop, configuration: NodeConfiguration(), logger: logger),
                (try? node.start(signer: LocalSigner(authority))) != nil
            else { return Wakeup.signal(handOff.arrived) }
            handOff.box.withLock { $0 = loop.mailbox }
            Wakeup.signal(handOff.arrived)
            loop.run()
            logger.flush()
        }
        Wakeup.wait(handOff.arrived)
        mailbox = try #require(handOff.box.withLock { $0 })
        publish { _ in }
        for pod in pods {
            perform { node in
                node.startPod(uid: pod.workload.uid, pod.workloadName, pod.namespace) { failure in
                    #expect(failure == nil)
                    Wakeup.signal(handOff.arrived)
                }
            }
            Wakeup.wait(handOff.arrived)
        }
    }

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
        for pod in ["web", "cart"] { try? run("ip", "netns", "del", "\(prefix)-\(pod)") }
        close(log)
        unsafe unlink("/dev/shm/\(prefix).log")
    }

    func perform(_ body: @escaping @Sendable (Node) -> Void) {
        mailbox.post { loop in (loop.resident as? Node).map(body) }
    }

    /// Publishes a mesh of both pods, with what `change` adds.
    func publish(_ change: (inout MeshState) -> Void) {
        var state = MeshState(settings: MeshSettings(node: "n1"))
        state.insert(web.workload)
        state.insert(cart.workload)
        change(&state)
        let final = state
        perform { $0.publish(final) }
    }

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
