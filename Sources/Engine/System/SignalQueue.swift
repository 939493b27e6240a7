internal import CLinux

/// Signals as something to read: they are blocked in this thread and those it starts, and wait here instead of
/// interrupting.
public struct SignalQueue: ~Copyable {
    /// Readable when a signal waits.
    public let descriptor: OwnedDescriptor

    public static let terminate = SIGTERM
    public static let interrupt = SIGINT

    /// To be made before any other thread is started. Writing to a closed pipe no longer kills the process either.
    public init(_ signals: [Int32]) throws(Errno) {
        Self.ignoreBrokenPipes()
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in signals { unsafe sigaddset(&set, number) }
        guard unsafe pthread_sigmask(SIG_BLOCK, &set, nil) == 0 else { throw Errno.current }
        let raw = unsafe signalfd(-1, &set, Int32(SFD_NONBLOCK) | Int32(SFD_CLOEXEC))
        guard raw >= 0 else { throw Errno.current }
        descriptor = OwnedDescriptor(adopting: raw)
    }

    /// Makes writing to a pipe that nobody reads an error instead of the end of the process.
    public static func ignoreBrokenPipes() { culvert_ignore_broken_pipes() }

    /// The number of the next signal, or nil.
    public func next() -> Int32? {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        let count = unsafe read(descriptor.raw, &information, size)
        return count == size ? Int32(information.ssi_signo) : nil
    }
}
