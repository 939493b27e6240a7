import CLinux

/// Threads of the kernel's, for loops and for what may block.
public enum Thread {
    /// Carries the body to the new thread.
    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Runs `body` on a new thread. The name is cut to the kernel's 15 bytes.
    /// - Returns: false if the kernel refuses another thread.
    @discardableResult
    public static func start(named name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        let context = unsafe Unmanaged.passRetained(Start(name: String(name.prefix(15)), body: body)).toOpaque()
        let outcome = unsafe culvert_start_thread(
            { context in
                guard let context = unsafe context else { return nil }
                let start = unsafe Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
                _ = unsafe start.name.withCString { culvert_prctl(PR_SET_NAME, UInt(bitPattern: $0)) }
                start.body()
                return nil
            }, context)
        guard outcome != 0 else { return true }
        unsafe Unmanaged<Start>.fromOpaque(context).release()
        return false
    }

    /// Holds the calling thread up, for code that is not on a loop; a signal ends it early.
    public static func sleep(_ span: Duration) {
        let (seconds, attoseconds) = max(span, .zero).components
        var request = timespec(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
        _ = unsafe nanosleep(&request, nil)
    }
}

/// An eventfd on which a thread may sleep.
public enum Wakeup {
    /// A new one, with nothing to wake for yet.
    public static func make() throws(Errno) -> OwnedDescriptor {
        let raw = eventfd(0, Int32(EFD_CLOEXEC))
        guard raw >= 0 else { throw Errno.current }
        return OwnedDescriptor(adopting: raw)
    }

    /// Wakes whoever waits, now or next. A counter that takes no more has somebody awake already.
    public static func signal(_ descriptor: borrowing OwnedDescriptor) {
        while eventfd_write(descriptor.raw, 1) != 0, culvert_errno() == EINTR {}
    }

    /// Sleeps until somebody signals.
    public static func wait(_ descriptor: borrowing OwnedDescriptor) {
        var value: eventfd_t = 0
        while unsafe eventfd_read(descriptor.raw, &value) != 0, culvert_errno() == EINTR {}
    }
}
