public import System

/// Signals as events of a loop. To be made before any other thread is started, since they are blocked in this one and
/// those it starts.
public final class SignalFollower: EventHandler {
    private let loop: EventLoop
    private let queue: SignalQueue
    /// Told the number of each signal.
    public var received: (Int32) -> Void = { _ in }
    private var registration: Registration?

    /// Follows until `stop`.
    public init(_ signals: [Int32], loop: EventLoop) throws(Errno) {
        self.loop = loop
        queue = try SignalQueue(signals)
        registration = try loop.register(queue.descriptor, for: .readable, handler: self)
    }

    /// Ends the following; signals stay blocked.
    public func stop() {
        if let registration { loop.deregister(registration, queue.descriptor) }
        registration = nil
    }

    /// Signals wait.
    public func ready(_ events: ReadyEvents) {
        while let signal = queue.next() { received(signal) }
    }
}

@available(*, unavailable) extension SignalFollower: Sendable {}
