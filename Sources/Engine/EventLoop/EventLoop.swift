import CLinux
public import Primitives
public import System

/// One epoll loop: it belongs to the thread that made it, and so does everything that is registered with it. A turn
/// waits for events and posted work, hands them out, resumes those who have been told to wait, fires due timers, and
/// lets everyone flush who asked for it, before it resumes and at its end.
@safe public final class EventLoop {
    private enum Timer {
        case handler(any TimerHandler, kind: Int)
        case body(() -> Void)
    }

    private enum Resumption {
        case watch(Registration)
        case handler(any ResumeHandler)
    }

    private static let eventCountMax = 256
    /// The slot number that stands for the mailbox.
    private static let mailboxIndex = UInt32.max

    private let epoll: OwnedDescriptor
    /// The time of a simulation; nil for the real one.
    private let clock: ManualClock?
    /// Where other threads leave work.
    public let mailbox: Mailbox
    private let events: UnsafeMutablePointer<epoll_event>
    private var handlers = HandlerTable()
    /// Watches that nobody holds and that the kernel has refused to end, by descriptor. It is asked again when it tells
    /// of one, as a listener that waits for nobody would wake the loop for good, and before it is watched again.
    private var lingering: [Int32: Registration] = [:]
    private var timers: TimerWheel<Timer>
    private var flushing: [Registration] = []
    private var resuming: [Resumption] = []
    /// The handlers being called, beside those that ask meanwhile: two blocks that change places, so that a turn
    /// allocates nothing.
    private var called: (flushing: [Registration], resuming: [Resumption]) = ([], [])
    private var isStopped = false
    /// Who lives on this loop, found again by work that other threads post.
    public var resident: AnyObject?
    /// When this turn began.
    public private(set) var now: Instant
    /// How many turns there were, this one included.
    public private(set) var turnCount: UInt64 = 0

    /// A loop for the calling thread.
    /// - Parameter clock: what it takes for the time, if not the clock of the machine.
    public init(clock: ManualClock? = nil) throws(Errno) {
        let raw = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard raw >= 0 else { throw Errno.current }
        epoll = OwnedDescriptor(adopting: raw)
        mailbox = try Mailbox()
        unsafe events = .allocate(capacity: Self.eventCountMax)
        self.clock = clock
        now = clock?.now ?? MonotonicClock.now()
        timers = TimerWheel(tick: now.nanoseconds / Self.nanosecondsPerTick)
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.u64 = UInt64(Self.mailboxIndex) << 32
        guard unsafe epoll_ctl(epoll.raw, EPOLL_CTL_ADD, mailbox.wakeUp.raw, &event) == 0 else { throw Errno.current }
    }

    deinit { unsafe events.deallocate() }

    // MARK: Descriptors

    /// Watches a descriptor. The loop keeps the handler until `deregister`.
    public func register(
        _ descriptor: borrowing OwnedDescriptor, for interest: Interest = .connection, handler: any EventHandler
    ) throws(Errno) -> Registration {
        if let left = lingering[descriptor.raw] { unwatch(descriptor.raw, left) }
        let registration = handlers.insert(handler)
        var event = unsafe epoll_event()
        unsafe event.events =
            switch interest {
            case .connection: EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
            case .listener: EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
            case .readable: EPOLLIN.rawValue
            }
        unsafe event.data.u64 = UInt64(registration.index) << 32 | UInt64(registration.generation)
        guard unsafe epoll_ctl(epoll.raw, EPOLL_CTL_ADD, descriptor.raw, &event) == 0 else {
            let failure = Errno.current
            _ = forget(registration)
            throw failure
        }
        // The number is another file's if one is left: what is meant to end is not this watch.
        if !lingering.isEmpty { lingering[descriptor.raw] = nil }
        return registration
    }

    /// Ends a watch, before the descriptor is closed. Events already taken from the kernel are dropped.
    public func deregister(_ registration: Registration, _ descriptor: borrowing OwnedDescriptor) {
        guard forget(registration) else { return }
        unwatch(descriptor.raw, registration)
    }

    private func unwatch(_ raw: Int32, _ registration: Registration) {
        let isRefused = epoll_ctl(epoll.raw, EPOLL_CTL_DEL, raw, nil) != 0 && Errno.current != .noEntry
        lingering[raw] = isRefused ? registration : nil
    }

    /// Ends a watch whose descriptor is closed right after and has no duplicate: the kernel forgets it then.
    public func forgetClosing(_ registration: Registration) { _ = forget(registration) }

    private func forget(_ registration: Registration) -> Bool {
        guard handlers.holds(registration) else { return false }
        _ = handlers.take(registration)
        handlers.remove(registration)
        return true
    }

    // MARK: Time

    private static let nanosecondsPerTick: UInt64 = 1_000_000

    /// Fires `handler` once, no earlier than `span` from now and at most about two milliseconds later on an idle loop.
    public func schedule(after span: Duration, kind: Int, handler: any TimerHandler) -> TimerToken {
        timers.insert(deadline: tick(after: span), .handler(handler, kind: kind))
    }

    /// Runs `body` once, no earlier than `span` from now; for code that is not on the data path.
    @discardableResult
    public func after(_ span: Duration, _ body: @escaping () -> Void) -> TimerToken {
        timers.insert(deadline: tick(after: span), .body(body))
    }

    /// Stops a timer; harmless when it fired.
    public func cancel(_ token: TimerToken) { timers.remove(token) }

    /// How long this turn has taken by now; zero in a simulation, where time passes between turns only.
    public var timeInTurn: Duration { readClock() - now }

    private func readClock() -> Instant { clock?.now ?? MonotonicClock.now() }

    private func tick(after span: Duration) -> UInt64 {
        let (sum, overflow) = (now + max(span, .zero)).nanoseconds.addingReportingOverflow(Self.nanosecondsPerTick - 1)
        return (overflow ? .max : sum) / Self.nanosecondsPerTick
    }

    /// Gives back the room of watches and timers that are over.
    public func releaseMemory() {
        handlers.trim()
        timers.trim()
    }

    // MARK: Turns

    /// Calls the handler's `flush()` once the events of this turn have been handled, or at its end, if it is still
    /// registered then; the handler sees to it that it asks once until it is called.
    public func requestFlush(_ registration: Registration) { flushing.append(registration) }

    /// Calls `handler.resume()` in the next turn, which then does not wait; in this one if an event of it asks, or what
    /// is flushed before others are resumed.
    public func requestResume(_ handler: any ResumeHandler) { resuming.append(.handler(handler)) }

    /// The same for the handler of a watch, if it goes on then; for the data path, where references are not counted.
    public func requestResume(_ registration: Registration) { resuming.append(.watch(registration)) }

    /// Turns until `stop()`.
    public func run() {
        while !isStopped { turn() }
    }

    /// Ends `run()` after this turn.
    public func stop() { isStopped = true }

    /// One turn, which waits at most `limit` for something to happen.
    public func turn(waitingAtMost limit: Duration? = nil) {
        let count = wait(atMost: limit)
        now = readClock()
        turnCount &+= 1
        for position in 0..<count { dispatch(position) }
        let hasFlushed = !resuming.isEmpty
        if hasFlushed {
            // Answers to what has just come do not wait for those who have been told to.
            flushRequested()
            swap(&resuming, &called.resuming)
            // Each is the first now and then: what they share in one turn may be used up by those before.
            let first = firstPlace(of: called.resuming.count)
            for position in first..<called.resuming.count { resume(called.resuming[position]) }
            for position in 0..<first { resume(called.resuming[position]) }
            called.resuming.removeAll(keepingCapacity: true)
        }
        while let timer = timers.popDue(upTo: now.nanoseconds / Self.nanosecondsPerTick) {
            switch timer {
            case .handler(let handler, let kind): handler.timerFired(kind)
            case .body(let body): body()
            }
        }
        // What flushing sets off is flushed too, once; the rest waits for the next turn, which does not sleep.
        flushRequested()
        if !hasFlushed { flushRequested() }
    }

    /// A place out of so many, drawn anew in each turn. Those who are resumed ask again in the order in which they
    /// were called, perhaps in every third turn only: a step that is the turn's number, or a multiple of it, would
    /// leave some out for long. (SplitMix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators".)
    private func firstPlace(of count: Int) -> Int {
        var mixed = turnCount &* 0x9e37_79b9_7f4a_7c15
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Int(truncatingIfNeeded: (mixed ^ mixed >> 31) % UInt64(count))
    }

    private func flushRequested() {
        guard !flushing.isEmpty else { return }
        swap(&flushing, &called.flushing)
        for position in 0..<called.flushing.count { visit(called.flushing[position]) { $0.flush() } }
        called.flushing.removeAll(keepingCapacity: true)
    }

    private func wait(atMost limit: Duration?) -> Int {
        var milliseconds: Int64 = -1
        if !resuming.isEmpty || !flushing.isEmpty {
            milliseconds = 0
        } else {
            if let next = timers.nextTick {
                let current = readClock().nanoseconds / Self.nanosecondsPerTick
                milliseconds = next > current ? Int64(clamping: next - current) : 0
            }
            if let limit {
                let most = limit.wholeMilliseconds
                milliseconds = milliseconds < 0 ? most : min(milliseconds, most)
            }
        }
        let timeout = Int32(clamping: milliseconds)
        let count = unsafe epoll_wait(epoll.raw, events, Int32(Self.eventCountMax), timeout)
        return max(0, Int(count))
    }

    private func dispatch(_ position: Int) {
        let event = unsafe events[position]
        let bits = unsafe event.events
        let data = unsafe event.data.u64
        let index = UInt32(truncatingIfNeeded: data >> 32)
        if index == Self.mailboxIndex {
            // Each goes before the next begins: what it held may be what the next waits to be gone.
            var posted = mailbox.takeAll()
            posted.reverse()
            while let work = posted.popLast() { work(self) }
            return
        }
        var ready: ReadyEvents = []
        if bits & (EPOLLIN.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { ready.insert(.readable) }
        if bits & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 { ready.insert(.writable) }
        if bits & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue) != 0 { ready.insert(.hangUp) }
        if bits & EPOLLERR.rawValue != 0 { ready.insert(.error) }
        let registration = Registration(index: index, generation: UInt32(truncatingIfNeeded: data))
        guard lingering.isEmpty || handlers.holds(registration) else {
            if let left = lingering.first(where: { $0.value == registration }) { unwatch(left.key, registration) }
            return
        }
        visit(registration) { $0.ready(ready) }
    }

    private func resume(_ resumption: Resumption) {
        switch resumption {
        case .watch(let registration): visit(registration) { $0.resume() }
        case .handler(let handler): handler.resume()
        }
    }

    /// Calls `body` with a handler unless its watch has ended.
    @inline(__always)
    private func visit(_ registration: Registration, _ body: (any EventHandler) -> Void) {
        guard let handler = handlers.take(registration) else { return }
        body(handler)
        if handlers.holds(registration) { handlers.putBack(handler, registration) }
    }
}

@available(*, unavailable) extension EventLoop: Sendable {}
