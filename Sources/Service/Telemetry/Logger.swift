import Glibc
import Primitives
import Synchronization
public import System

/// Writes log lines from any thread. A line is made on the caller's thread only when its level is on; a thread of its
/// own writes. What does not fit while the reader is slow is dropped and counted: nobody waits for a log.
public final class Logger: Sendable {
    private struct Waiting {
        var bytes: [UInt8] = []
        var droppedCount = 0
    }

    /// Lines that were dropped since the start.
    private let dropped = Atomic(0)

    private let format: LogFormat
    private let filters: Mutex<LogFilter>
    private let waiting = Mutex(Waiting())
    /// Held by the writer while it writes, so that `flush` returns after it.
    private let writing = Mutex(())
    private let descriptor: Int32
    private let wakeUp: OwnedDescriptor

    /// A logger that writes to `descriptor`, which stays the caller's, from a thread that it starts.
    public init(format: LogFormat = .plain, filter: LogFilter = .standard, descriptor: Int32 = 1) throws(Errno) {
        self.format = format
        self.descriptor = descriptor
        filters = Mutex(filter)
        wakeUp = try Wakeup.make()
        // A reader of the log that goes away does not take the program with it.
        SignalQueue.ignoreBrokenPipes()
        Thread.start(named: "culvert-log") { [self] in writeForever() }
    }

    /// Which lines are written; may be changed at any time.
    public var filter: LogFilter {
        get { filters.withLock { $0 } }
        set { filters.withLock { $0 = newValue } }
    }

    /// Whether a line of this level and scope would be written.
    public func isOn(_ level: LogLevel, _ scope: String) -> Bool { filters.withLock { $0.admits(level, scope) } }

    /// Lines that a slow reader has cost.
    public var droppedLineCount: Int { dropped.load(ordering: .relaxed) }

    /// Writes a line if its level is on.
    public func log(
        _ level: LogLevel, _ scope: String, _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> [LogField] = []
    ) {
        guard isOn(level, scope) else { return }
        log(level, scope, message()) { line in
            for field in fields() { line.append(field) }
        }
    }

    /// Writes a line if its level is on; `fields` adds what it holds.
    public func log(_ level: LogLevel, _ scope: String, _ message: String, with fields: (inout LogLine) -> Void) {
        guard isOn(level, scope) else { return }
        var record = LogLine(format, time: WallClock.now(), level: level, scope: scope, message: message)
        fields(&record)
        let line = record.finish()
        let wasEmpty = waiting.withLock { waiting in
            guard waiting.bytes.count + line.count <= Limits.logByteCountMax else {
                waiting.droppedCount += 1
                dropped.add(1, ordering: .relaxed)
                return false
            }
            waiting.bytes += line
            return waiting.bytes.count == line.count
        }
        if wasEmpty { Wakeup.signal(wakeUp) }
    }

    /// Returns when everything logged so far is written; for the end of the program.
    public func flush() { writing.withLock { _ in writeWaiting() } }

    private func writeForever() {
        while true {
            Wakeup.wait(wakeUp)
            // A busy node writes many lines with one call, and wakes this thread for none of them but the first.
            Thread.sleep(Limits.logGatheringDuration)
            flush()
        }
    }

    private func writeWaiting() {
        let (bytes, dropped) = waiting.withLock { waiting in
            let taken = (waiting.bytes, waiting.droppedCount)
            waiting = Waiting()
            return taken
        }
        write(bytes)
        guard dropped > 0 else { return }
        var line = LogLine(
            format, time: WallClock.now(), level: .warn, scope: "telemetry", message: "log lines dropped")
        line.bare("count", UInt64(dropped))
        write(line.finish())
    }

    private func write(_ bytes: [UInt8]) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + written }, buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            written += count
        }
    }
}
