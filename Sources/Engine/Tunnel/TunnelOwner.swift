public import Primitives

/// Told what happens on a tunnel.
public protocol TunnelOwner: AnyObject {
    /// Both sides have proved who they are, and streams can be opened.
    func tunnelEstablished(_ tunnel: TunnelConnection)
    /// Client: the peer has said how many streams it takes.
    func tunnelSettled(_ tunnel: TunnelConnection)
    /// Server: a peer asks for a stream. Answer it at once or later with `connect`, `accept` or `refuse`.
    func tunnelRequested(_ tunnel: TunnelConnection, _ stream: TunnelStream, head: [HTTPField])
    /// No further streams can be opened: the peer, or we, sent GOAWAY.
    func tunnelDraining(_ tunnel: TunnelConnection)
    /// A stream has ended, so that there is room for another.
    func tunnelStreamEnded(_ tunnel: TunnelConnection)
    /// The connection is gone, its streams were told before; nil when it ended in order. Called exactly once.
    func tunnelClosed(_ tunnel: TunnelConnection, _ failure: TunnelFailure?)
}

extension TunnelOwner {
    public func tunnelRequested(_ tunnel: TunnelConnection, _ stream: TunnelStream, head: [HTTPField]) {
        stream.refuse([HTTPField(":status", "400")])
    }
    public func tunnelSettled(_ tunnel: TunnelConnection) {}
    public func tunnelDraining(_ tunnel: TunnelConnection) {}
    public func tunnelStreamEnded(_ tunnel: TunnelConnection) {}
}
