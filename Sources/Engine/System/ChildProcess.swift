internal import CLinux
internal import Primitives
internal import Synchronization

/// A process that we started. It inherits the calling thread's network namespace, none of our descriptors but those
/// that were named, and default signal handling.
public final class ChildProcess: Sendable {
    /// Where a standard stream of the child leads.
    public enum Stream: Sendable {
        /// Where ours does.
        case inherited
        /// Nowhere.
        case null
        /// To the end of a file, which is made if it is not there.
        case appending(path: String)
        /// To an open file of ours, which is only borrowed.
        case descriptor(Int32)
    }

    /// How a child is started.
    public struct Options: Sendable {
        public var input = Stream.null
        public var output = Stream.inherited
        public var errors = Stream.inherited
        /// `NAME=value` each; nil passes ours on.
        public var environment: [String]?
        /// Whether it leads a session of its own, and so outlives our terminal.
        public var startsSession = false

        public init() {}
    }

    /// What a child that ran to its end left behind.
    public struct Result: Equatable, Sendable {
        public let status: ExitStatus
        public let output: [UInt8]
        public let errors: [UInt8]
    }

    public let identifier: Int32
    private let handle: OwnedDescriptor
    private let status = Mutex<ExitStatus?>(nil)

    private init(identifier: Int32, handle: consuming OwnedDescriptor) {
        self.identifier = identifier
        self.handle = handle
    }

    /// Starts a program, which is looked for in PATH unless its name holds a slash.
    public static func spawn(_ arguments: [String], options: Options = .init()) throws(Errno) -> ChildProcess {
        let identifier = try ProcessSpawner(options: options).spawn(arguments)
        let handle = pidfd_open(identifier, 0)
        guard handle >= 0 else {
            let failure = Errno.current
            _ = kill(identifier, SIGKILL)
            _ = waitpid(identifier, nil, 0)
            throw failure
        }
        return ChildProcess(identifier: identifier, handle: OwnedDescriptor(adopting: handle))
    }

    /// Runs a program to its end, with `input` to read. What it writes is kept up to `Limits.childOutputByteCountMax`
    /// each; a program that would write more gets an error. Killed, and reported as timed out, when it takes longer
    /// than `limit`.
    public static func run(
        _ arguments: [String], input: [UInt8] = [], environment: [String]? = nil, limit: Duration = .seconds(30)
    ) throws(Errno) -> Result {
        let source = try MemoryFile(holding: input)
        let output = try MemoryFile(byteCountMax: Limits.childOutputByteCountMax)
        let errors = try MemoryFile(byteCountMax: Limits.childOutputByteCountMax)
        var options = Options()
        options.input = .descriptor(source.descriptor.raw)
        options.output = .descriptor(output.descriptor.raw)
        options.errors = .descriptor(errors.descriptor.raw)
        options.environment = environment
        let child = try spawn(arguments, options: options)
        guard let status = try child.wait(atMost: limit) else {
            child.send(signal: SIGKILL)
            _ = try child.wait(atMost: .seconds(10))
            throw .timedOut
        }
        return Result(status: status, output: try output.contents(), errors: try errors.contents())
    }

    /// Waits for the end; nil when it does not come in time.
    public func wait(atMost limit: Duration) throws(Errno) -> ExitStatus? {
        if let known = status.withLock({ $0 }) { return known }
        let deadline = MonotonicClock.now() + limit
        var waiting = pollfd(fd: handle.raw, events: Int16(POLLIN), revents: 0)
        while true {
            let left = max(0, (deadline - MonotonicClock.now()).wholeMilliseconds)
            let count = unsafe poll(&waiting, 1, Int32(clamping: left))
            if count == 0 { return nil }
            if count > 0 { return try reap() }
            guard Errno.current == .interrupted else { throw Errno.current }
        }
    }

    /// Sends a signal; nothing happens to a process that has ended.
    public func send(signal: Int32) { _ = pidfd_send_signal(handle.raw, signal, nil, 0) }

    /// Sends SIGTERM, and SIGKILL when that has not ended it in time. Returns how it ended.
    @discardableResult
    public func stop(within limit: Duration = .seconds(5)) throws(Errno) -> ExitStatus? {
        send(signal: SIGTERM)
        if let status = try wait(atMost: limit) { return status }
        send(signal: SIGKILL)
        return try wait(atMost: limit)
    }

    private func reap() throws(Errno) -> ExitStatus {
        var raw: Int32 = 0
        let outcome = status.withLock { known -> ExitStatus? in
            if let known { return known }
            guard unsafe waitpid(identifier, &raw, 0) == identifier else { return nil }
            known = ExitStatus(waitStatus: raw)
            return known
        }
        guard let outcome else { throw Errno.current }
        return outcome
    }
}
