import EventLoop
import Glibc
import Primitives
import Resolver
import System
import Telemetry
import Testing

@testable import NodeProxy

struct NameDatagramsTests {
    @Test func `a socket that cannot be read does not keep the worker busy, and is tried again`() throws {
        let loop = try EventLoop()
        var ends: [Int32] = [0, 0]
        unsafe #expect(pipe(&ends) == 0)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let log = OwnedDescriptor(adopting: ends[0])
        let sink = OwnedDescriptor(adopting: ends[1])
        let lone = try LoneWorkers(on: [loop], loggingTo: sink.raw)
        let pod = try lone.web(PodCensus(countMax: 1))[0]
        let proxy = NameProxy(pod, ResolverConfiguration(resolvConf: ""))
        // It is readable as long as a connection waits there, and has no datagrams.
        let listener = ListeningSocket(try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0)))
        let endpoint = TCPSocket.localEndpoint(of: listener.descriptor)
        let client = try TCPSocket.connect(to: try #require(endpoint))
        let datagrams = try NameDatagrams(listener, lone.workers[0], proxy)
        let (started, turnsBefore) = (MonotonicClock.now(), loop.turnCount)
        while MonotonicClock.now() - started < Limits.listenerPauseDuration * 5 {
            loop.turn(waitingAtMost: Limits.listenerPauseDuration * 2)
        }
        // One for each event, and one for the end of each pause.
        let turnCount = loop.turnCount - turnsBefore
        #expect((6...16).contains(turnCount), "\(turnCount)")
        datagrams.stop()
        withExtendedLifetime(client) {}
        lone.workers[0].logger.flush()
        var said = [UInt8](repeating: 0, count: 4096)
        let count = unsafe read(log.raw, &said, said.count)
        let line = String(decoding: said.prefix(max(0, count)), as: UTF8.self)
        #expect(line.contains("cannot read questions for names"), "\(line)")
    }
}
