import EventLoop
import Glibc
@testable import NodeProxy
import Primitives
import System
import Testing

struct AcceptorTests {
    /// Watches the listener in the acceptor's place.
    private final class Other: EventHandler {
        func ready(_ events: ReadyEvents) {}
    }

    /// What the acceptor said.
    private final class Told {
        var failures: [Errno] = []
        var acceptedCount = 0
    }

    /// No descriptor is to be had meanwhile.
    private func withoutDescriptors(_ body: () -> Void) {
        let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var before = rlimit()
        unsafe #expect(getrlimit(kind, &before) == 0)
        var none = before
        none.rlim_cur = 0
        unsafe #expect(setrlimit(kind, &none) == 0)
        body()
        unsafe #expect(setrlimit(kind, &before) == 0)
    }

    private func turn(_ loop: EventLoop, until isDone: () -> Bool) {
        let end = MonotonicClock.now() + .seconds(5)
        while !isDone(), MonotonicClock.now() < end { loop.turn(waitingAtMost: .milliseconds(10)) }
    }

    @Test func `an acceptor that cannot watch its listener again says so and tries on`() throws {
        let (loop, told) = (try EventLoop(), Told())
        let listener = ListeningSocket(try TCPSocket.listen(on: Endpoint(IPAddress(v4: 0x7f00_0001), port: 0)))
        let acceptor = try Acceptor(
            listener, on: loop, accepted: { _ in told.acceptedCount += 1 }, failed: { told.failures.append($0) })
        let endpoint = TCPSocket.localEndpoint(of: listener.descriptor)
        let client = try TCPSocket.connect(to: try #require(endpoint))
        withoutDescriptors { turn(loop) { !told.failures.isEmpty } }
        #expect(told.failures == [Errno(EMFILE)])
        // The kernel refuses a second watch, as it would without memory for it.
        let other = try loop.register(listener.descriptor, for: .listener, handler: Other())
        turn(loop) { told.failures.count == 3 }
        #expect(told.failures == [Errno(EMFILE), .exists, .exists])
        loop.deregister(other, listener.descriptor)
        turn(loop) { told.acceptedCount > 0 }
        #expect(told.acceptedCount == 1)
        acceptor.stop()
        withExtendedLifetime(client) {}
    }
}
