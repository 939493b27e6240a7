import EventLoop
import Glibc
import Primitives
import Synchronization
import System

extension EventLoop {
    /// Turns until the body, on a thread of its own, has returned, and then until `settled`.
    func turn(
        while body: @escaping @Sendable () throws -> Void, until settled: () -> Bool, turning: () -> Void = {}
    ) throws {
        let outcome = Outcome()
        let mailbox = mailbox
        let job = Job {
            do {
                try body()
                outcome.value.withLock { $0 = .some(nil) }
            } catch {
                outcome.value.withLock { $0 = .some(error) }
            }
            mailbox.post { _ in }
        }
        job.start()
        let limit = MonotonicClock.now() + .seconds(120)
        while outcome.value.withLock({ $0 == nil }) || !settled() {
            turn(waitingAtMost: .milliseconds(50))
            turning()
            guard MonotonicClock.now() < limit else { throw Errno.timedOut }
        }
        if let failure = outcome.value.withLock({ $0 ?? nil }) { throw failure }
    }
}

private final class Outcome: Sendable {
    let value = Mutex<(any Error)??>(nil)
}

/// Lets time pass for a loop with a manual clock, when the body of a test says so.
final class Passage: Sendable {
    private let state = Mutex((span: Duration.zero, turnsLeft: 0))

    /// From the body's thread: moves the clock, and waits until what is due then has been done and answered.
    func pass(_ span: Duration) {
        state.withLock { $0 = (span, 8) }
        while state.withLock({ $0.turnsLeft > 0 }) { usleep(1000) }
    }

    /// To be called with every turn.
    func turned(_ loop: EventLoop, _ clock: ManualClock) {
        state.withLock {
            guard $0.turnsLeft > 0 else { return }
            clock.advance(by: $0.span)
            $0.span = .zero
            $0.turnsLeft -= 1
            // The next turn does not wait.
            loop.mailbox.post { _ in }
        }
    }
}

/// A body on a thread of its own.
final class Job: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func start() {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(self).toOpaque()
        unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                unsafe Unmanaged<Job>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, context)
        pthread_detach(thread)
    }
}
