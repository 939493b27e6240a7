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
