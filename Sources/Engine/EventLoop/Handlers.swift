/// What a descriptor is ready for.
public struct ReadyEvents: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = ReadyEvents(rawValue: 1 << 0)
    public static let writable = ReadyEvents(rawValue: 1 << 1)
    /// The peer has sent its last byte (EPOLLRDHUP), or is gone: a read will tell.
    public static let hangUp = ReadyEvents(rawValue: 1 << 2)
    /// An error waits in the socket.
    public static let error = ReadyEvents(rawValue: 1 << 3)
}

/// How a descriptor is watched.
public enum Interest: Sendable {
    /// Both directions, edge-triggered: an event comes once for each change.
    case connection
    /// Reading, level-triggered, and only one of several loops is woken (EPOLLEXCLUSIVE): a listener shared by workers.
    case listener
    /// Reading, level-triggered.
    case readable
}

/// Something that stopped because its share of a turn was used up.
public protocol ResumeHandler: AnyObject {
    func resume()
}

/// Something that owns a watched descriptor.
public protocol EventHandler: ResumeHandler {
    /// The descriptor has become ready. It may deregister itself, or anything else, in here.
    func ready(_ events: ReadyEvents)
    /// The events of the turn that `EventLoop.requestFlush` was called in have been handled, or it ends: what was
    /// gathered is sent.
    func flush()
}

extension EventHandler {
    /// Gathers nothing.
    public func flush() {}
    /// Never stops.
    public func resume() {}
}

/// Something that waits for time to pass.
public protocol TimerHandler: AnyObject {
    /// The timer started with `kind` is due.
    func timerFired(_ kind: Int)
}

/// Names a watched descriptor; it outlives the watch harmlessly.
public struct Registration: Equatable, Sendable {
    let index: UInt32
    let generation: UInt32
}
