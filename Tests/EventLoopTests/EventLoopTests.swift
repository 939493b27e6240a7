import EventLoop
import Glibc
import Primitives
import Synchronization
import System
import Testing

/// Remembers what it was told.
private final class Recorder: EventHandler, TimerHandler {
    var events: [ReadyEvents] = []
    var timers: [Int] = []
    var resumeCount = 0
    func resume() { resumeCount += 1 }
    func ready(_ events: ReadyEvents) { self.events.append(events) }
    func timerFired(_ kind: Int) { timers.append(kind) }
}

/// Ends its own watch when it is ready, with nobody else left to keep it, and asks for a flush before and after.
private final class Leaver: EventHandler {
    let loop: EventLoop
    let descriptor: OwnedDescriptor
    let recorder: Recorder
    var registration: Registration?

    init(_ descriptor: consuming OwnedDescriptor, on loop: EventLoop, _ recorder: Recorder) throws {
        self.loop = loop
        self.descriptor = descriptor
        self.recorder = recorder
        registration = try loop.register(self.descriptor, handler: self)
    }

    deinit { recorder.timers.append(3) }

    func ready(_ events: ReadyEvents) {
        guard let registration else { return }
        loop.requestFlush(registration)
        loop.deregister(registration, descriptor)
        loop.requestFlush(registration)
        recorder.timers.append(1)
    }

    func flush() { recorder.timers.append(2) }
}

/// A listener whose watch the kernel did not end when the loop told it to, and somebody who waits there.
private final class LingeringEnds {
    let listener: OwnedDescriptor
    let client: OwnedDescriptor

    init(on loop: EventLoop, _ recorder: Recorder) throws {
        let made = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        // Nobody else gets so high a number while it is free.
        listener = OwnedDescriptor(adopting: fcntl(made.raw, F_DUPFD_CLOEXEC, 512))
        let registration = try loop.register(listener, for: .listener, handler: recorder)
        close(listener.raw)
        loop.deregister(registration, listener)
        #expect(dup2(made.raw, listener.raw) == listener.raw)
        let bound = TCPSocket.localEndpoint(of: listener)
        client = try TCPSocket.connect(to: #require(bound))
    }
}

/// In which order some were called.
private final class Order { var numbers: [Int] = [] }

/// Asks to be resumed each time that it is.
private final class Insistent: ResumeHandler {
    private let number: Int
    private let loop: EventLoop
    private let order: Order

    init(_ number: Int, on loop: EventLoop, _ order: Order) {
        (self.number, self.loop, self.order) = (number, loop, order)
    }

    func resume() {
        order.numbers.append(number)
        loop.requestResume(self)
    }
}

/// Is flushed once it has been ready.
private final class Answerer: EventHandler {
    private let loop: EventLoop
    private let order: Order
    var registration: Registration?

    init(on loop: EventLoop, _ order: Order) { (self.loop, self.order) = (loop, order) }

    func ready(_ events: ReadyEvents) { if let registration { loop.requestFlush(registration) } }
    func flush() { order.numbers.append(0) }
}

@Suite struct EventLoopTests {
    @Test func `a handler that ends its own watch lives until it has returned and is not flushed`() throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let recorder = Recorder()
        _ = try Leaver(TCPSocket.connect(to: #require(bound)), on: loop, recorder)
        #expect(recorder.timers == [])
        loop.turn(waitingAtMost: .milliseconds(100))
        #expect(recorder.timers == [1, 3])
        // The place is free for the next.
        let next = try TCPSocket.connect(to: #require(bound))
        let registration = try loop.register(next, handler: recorder)
        loop.turn(waitingAtMost: .milliseconds(100))
        #expect(recorder.events == [[.writable]])
        loop.deregister(registration, next)
    }

    @Test func `who asked by its watch is resumed in the next turn, unless the watch has ended`() throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let first = try TCPSocket.connect(to: #require(bound))
        let last = try TCPSocket.connect(to: #require(bound))
        let (kept, gone) = (Recorder(), Recorder())
        let registrations = try (loop.register(first, handler: kept), loop.register(last, handler: gone))
        for registration in [registrations.0, registrations.1, registrations.0] { loop.requestResume(registration) }
        loop.requestResume(gone)
        loop.deregister(registrations.1, last)
        loop.turn()
        #expect(kept.resumeCount == 2 && gone.resumeCount == 1)
        loop.turn(waitingAtMost: .zero)
        #expect(kept.resumeCount == 2)
    }

    @Test(arguments: [2, 3, 4, 8, 10, 16, 100])
    func `of those who ask again in every turn each is the first now and then`(count: Int) throws {
        let loop = try EventLoop()
        let order = Order()
        let insistent = (0..<count).map { Insistent($0, on: loop, order) }
        for one in insistent { loop.requestResume(one) }
        var firsts: Set<Int> = []
        for _ in 0..<40 * count {
            loop.turn(waitingAtMost: .zero)
            #expect(order.numbers.count == count)
            firsts.formUnion(order.numbers.prefix(1))
            order.numbers = []
        }
        #expect(firsts.count == count)
    }

    @Test func `answers to what has come are flushed before those who wait have their turn`() throws {
        let loop = try EventLoop()
        let order = Order()
        let insistent = Insistent(1, on: loop, order)
        loop.requestResume(insistent)
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let socket = try TCPSocket.connect(to: #require(bound))
        let answerer = Answerer(on: loop, order)
        let registration = try loop.register(socket, handler: answerer)
        answerer.registration = registration
        let limit = MonotonicClock.now() + .seconds(10)
        while !order.numbers.contains(0), MonotonicClock.now() < limit {
            order.numbers = []
            loop.turn(waitingAtMost: .milliseconds(10))
        }
        #expect(order.numbers == [0, 1])
        loop.deregister(registration, socket)
    }

    @Test func `a loop that gave memory back calls those that are left and none that are gone`() throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let first = try TCPSocket.connect(to: #require(bound))
        let last = try TCPSocket.connect(to: #require(bound))
        let (kept, gone) = (Recorder(), Recorder())
        let registrations = try (loop.register(first, handler: kept), loop.register(last, handler: gone))
        loop.requestFlush(registrations.1)
        loop.deregister(registrations.1, last)
        loop.releaseMemory()
        loop.turn(waitingAtMost: .milliseconds(100))
        #expect(kept.events == [[.writable]] && gone.events.isEmpty)
        // Another in the same place is not the one that is gone.
        let next = try loop.register(last, handler: gone)
        #expect(next != registrations.1)
        loop.deregister(registrations.1, last)
        loop.turn(waitingAtMost: .milliseconds(100))
        #expect(gone.events == [[.writable]])
        loop.deregister(next, last)
        loop.deregister(registrations.0, first)
    }

    @Test func `a watch that the kernel did not end does not wake the loop for good`() throws {
        let (loop, recorder) = (try EventLoop(), Recorder())
        let ends = try LingeringEnds(on: loop, recorder)
        loop.turn(waitingAtMost: .seconds(5))
        let started = MonotonicClock.now()
        loop.turn(waitingAtMost: .milliseconds(50))
        #expect(MonotonicClock.now() - started >= .milliseconds(50))
        #expect(recorder.events.isEmpty)
        withExtendedLifetime(ends) {}
    }

    @Test func `a descriptor whose watch the kernel did not end is watched anew`() throws {
        let (loop, recorder) = (try EventLoop(), Recorder())
        let ends = try LingeringEnds(on: loop, recorder)
        let registration = try loop.register(ends.listener, for: .listener, handler: recorder)
        loop.turn(waitingAtMost: .seconds(5))
        loop.turn(waitingAtMost: .zero)
        #expect(recorder.events == [.readable, .readable])
        loop.deregister(registration, ends.listener)
    }

    @Test func `an edge comes once for each change and a hang-up shows in the event`() throws {
        let loop = try EventLoop()
        let listener = try TCPSocket.listen(on: #require(Endpoint("127.0.0.1:0")))
        let bound = TCPSocket.localEndpoint(of: listener)
        let client = try TCPSocket.connect(to: #require(bound))
        guard let socket = try TCPSocket.accept(listener) else { throw Errno.again }
        let accepted = socket.take()
        let recorder = Recorder()
        let registration = try loop.register(accepted, handler: recorder)
        loop.turn(waitingAtMost: .milliseconds(100))
        #expect(recorder.events == [[.writable]])
        _ = try unsafe [UInt8](arrayLiteral: 1, 2, 3).withUnsafeBytes { try unsafe client.write($0) }
        loop.turn(waitingAtMost: .milliseconds(100))
        loop.turn(waitingAtMost: .milliseconds(5))
        #expect(recorder.events == [[.writable], [.readable, .writable]])
        TCPSocket.shutdownWrite(of: client)
        loop.turn(waitingAtMost: .milliseconds(100))
        #expect(recorder.events.last == [.readable, .writable, .hangUp])
        loop.deregister(registration, accepted)
        let count = recorder.events.count
        TCPSocket.resetOnClose(client)
        _ = consume client
        loop.turn(waitingAtMost: .milliseconds(5))
        #expect(recorder.events.count == count)
    }

    @Test func `work posted by other threads runs in order on the loop`() throws {
        let loop = try EventLoop()
        let mailbox = loop.mailbox
        let seen = Mutex<[Int]>([])
        let boxed = Box(seen: seen)
        for number in 0..<100 { mailbox.post { _ in boxed.seen.withLock { $0.append(number) } } }
        mailbox.post { $0.stop() }
        loop.run()
        #expect(boxed.seen.withLock { $0 } == Array(0..<100))
    }

    @Test func `a timer that fires may start and stop others`() throws {
        let loop = try EventLoop()
        var fired: [Int] = []
        let doomed = loop.after(.milliseconds(20)) { fired.append(3) }
        loop.after(.milliseconds(5)) {
            fired.append(1)
            loop.cancel(doomed)
            loop.after(.milliseconds(5)) { fired.append(2) }
        }
        for _ in 0..<10 { loop.turn(waitingAtMost: .milliseconds(5)) }
        #expect(fired == [1, 2])
    }

    @Test func `timers fire in time and cancelled ones never`() throws {
        let loop = try EventLoop()
        let recorder = Recorder()
        let started = MonotonicClock.now()
        _ = loop.schedule(after: .milliseconds(30), kind: 1, handler: recorder)
        let cancelled = loop.schedule(after: .milliseconds(5), kind: 2, handler: recorder)
        loop.cancel(cancelled)
        loop.after(.milliseconds(40)) { loop.stop() }
        loop.run()
        #expect(recorder.timers == [1])
        let elapsed = MonotonicClock.now() - started
        #expect(elapsed >= .milliseconds(40) && elapsed < .seconds(2))
    }
}

private final class Box: Sendable {
    let seen: Mutex<[Int]>
    init(seen: consuming Mutex<[Int]>) { self.seen = seen }
}
