import EventLoop
import Glibc
import Mesh
import Primitives
import System
import Testing

@testable import NodeProxy

/// A pod on two workers of one thread, whose connections wait for a certificate that does not come.
private final class PodOnTwoWorkers {
    private static let destination = Endpoint(IPAddress(v4: 0x0a4d_0002), port: 8080)

    /// An application's end.
    private final class Client {
        let socket: OwnedDescriptor
        init(_ socket: consuming OwnedDescriptor) { self.socket = socket }
    }

    private let loops: [EventLoop]
    private let workers: [Worker]
    private let sink: OwnedDescriptor
    private let listener: OwnedDescriptor
    let pods: [PodProxy]
    private var clients: [Client] = []

    init(countMax: Int) throws {
        let loops = try [EventLoop(), EventLoop()]
        sink = OwnedDescriptor(adopting: unsafe open("/dev/null", O_WRONLY | O_CLOEXEC))
        let lone = try LoneWorkers(on: loops, loggingTo: sink.raw)
        workers = lone.workers
        pods = try lone.web(PodCensus(countMax: countMax))
        self.loops = loops
        listener = try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0))
        var state = MeshState(settings: MeshSettings(node: "n1"))
        for (number, name) in ["web", "cart"].enumerated() {
            state.insert(
                Workload(
                    uid: name, name: name, namespace: "shop", serviceAccount: name,
                    addresses: [IPAddress(v4: 0x0a4d_0001 + UInt32(number))], node: "n1", tunnelProtocol: .hbone))
        }
        for (worker, pod) in zip(workers, pods) { worker.add(pod) }
        for link in workers[0].links { link.publish(state, since: loops[0].now) }
        turn()
    }

    deinit { for worker in workers { worker.stop("the test is over") } }

    /// Each worker does what there is to do, the first also what the second left for it.
    func turn() { for _ in 0..<2 { for loop in loops { loop.turn(waitingAtMost: .milliseconds(5)) } } }

    /// Has a worker take one more connection.
    func take(on index: Int) throws {
        let bound = TCPSocket.localEndpoint(of: listener)
        clients.append(Client(try TCPSocket.connect(to: try #require(bound))))
        guard let accepted = try TCPSocket.accept(listener) else { throw Errno.again }
        let peer = accepted.peer
        OutboundConnection.begin(accepted.take(), from: peer, to: Self.destination, pods[index])
        turn()
    }

    /// The application of a connection goes.
    func leave(_ position: Int) {
        TCPSocket.resetOnClose(clients[position].socket)
        clients.remove(at: position)
        turn()
    }

    /// What is open on each worker.
    var connectionCounts: [Int] { pods.map(\.connectionCount) }

    /// Whether there may be one more, as either worker sees it.
    var haveRoom: [Bool] { pods.map { $0.crowding() == nil } }
}

@Suite struct PodCensusTests {
    @Test func `a connection that goes to another worker takes one place, and leaves one`() throws {
        let countMax = 6
        let pod = try PodOnTwoWorkers(countMax: countMax)
        for round in 1...5 {
            // One of the two is where the tunnel lives; the other hands over what it takes.
            for number in 0..<countMax {
                #expect(pod.haveRoom == [true, true], "round \(round), \(number)")
                try pod.take(on: number % 2)
            }
            #expect(pod.haveRoom == [false, false])
            #expect(pod.connectionCounts.sorted() == [0, countMax])
            for index in 0..<2 {
                try pod.take(on: index)
                #expect(pod.connectionCounts.reduce(0, +) == countMax, "one too many was taken")
                pod.leave(countMax)
            }
            #expect(pod.haveRoom == [false, false])
            for left in (0..<countMax).reversed() {
                pod.leave(left / 2)
                #expect(pod.connectionCounts.reduce(0, +) == left)
                #expect(pod.haveRoom == [true, true])
            }
        }
    }
}
