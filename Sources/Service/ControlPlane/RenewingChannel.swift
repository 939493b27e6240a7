public import EventLoop
public import RPC

/// One channel for calls that come one by one, made anew when the roots have changed.
public final class RenewingChannel {
    private let access: ControlPlaneAccess
    private let loop: EventLoop
    private var current: (channel: RPCChannel, roots: [UInt8]?)?

    public init(_ access: ControlPlaneAccess, loop: EventLoop) {
        self.access = access
        self.loop = loop
    }

    /// The channel to use for the next call. If the roots cannot be read or used now, the one that was made before.
    public func channel() throws(AccessFailure) -> RPCChannel {
        do {
            let roots = try access.trust.read()
            if let current, current.roots == roots { return current.channel }
            let channel = try access.channel(on: loop, roots: roots)
            current?.channel.close()
            current = (channel, roots)
            return channel
        } catch {
            guard let current else { throw error }
            return current.channel
        }
    }
}

@available(*, unavailable)
extension RenewingChannel: Sendable {}
