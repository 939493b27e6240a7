public import System

/// Calls back when a directory may have changed, once for changes that come together. It hears of them from the
/// kernel and also calls now and then without having heard anything, since not every file system tells and a symbolic
/// link in the directory may lead elsewhere.
public final class DirectoryFollower: EventHandler {
    /// Why the callee is called.
    public enum Cause: Sendable {
        /// The kernel told of a change.
        case event
        /// Time has passed: the callee may compare before it does more.
        case interval
    }

    private let loop: EventLoop
    private let watcher: DirectoryWatcher
    private let settle: Duration
    private let interval: Duration
    private let changed: (Cause) -> Void
    private var registration: Registration?
    private var pending: TimerToken?
    private var periodic: TimerToken?

    /// Follows `path` until `stop`, for as long as somebody holds the follower. After an event it waits for `settle` so
    /// that a burst of them becomes one call; without any it calls every `interval`.
    public init(
        path: String, loop: EventLoop, settle: Duration = .milliseconds(50), interval: Duration = .seconds(2),
        changed: @escaping (Cause) -> Void
    ) throws(Errno) {
        self.loop = loop
        self.settle = settle
        self.interval = interval
        self.changed = changed
        watcher = try DirectoryWatcher(path: path)
        registration = try loop.register(watcher.descriptor, for: .readable, handler: self)
        schedulePeriodic()
    }

    /// Ends the following.
    public func stop() {
        if let pending { loop.cancel(pending) }
        if let periodic { loop.cancel(periodic) }
        unwatch()
    }

    private func unwatch() {
        if let registration { loop.deregister(registration, watcher.descriptor) }
        registration = nil
    }

    /// The kernel told of something.
    public func ready(_ events: ReadyEvents) {
        do throws(Errno) {
            guard try watcher.drain(), pending == nil else { return }
        } catch {
            // What cannot be read stays readable, and would wake the loop for good. The periodic look is left.
            return unwatch()
        }
        pending = loop.after(settle) { [weak self] in
            self?.pending = nil
            self?.changed(.event)
        }
    }

    private func schedulePeriodic() {
        periodic = loop.after(interval) { [weak self] in
            self?.schedulePeriodic()
            self?.changed(.interval)
        }
    }
}
