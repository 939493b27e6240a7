public import Primitives

/// Told what becomes of a stream.
public protocol TunnelStreamOwner: AnyObject {
    /// Client: the peer has answered the CONNECT request. After 200 the relay runs; after anything else the stream is
    /// reset and ends.
    func streamAnswered(_ stream: TunnelStream, status: Int, fields: [HTTPField])
    /// Client: before the answer the application has sent its last byte, and all before it are still to be read.
    /// Perhaps it has gone; `giveUp` is for then.
    func streamApplicationEnded(_ stream: TunnelStream)
    /// Server: the socket given to `connect` is connected; `accept` starts the relay.
    func streamConnected(_ stream: TunnelStream)
    /// Called exactly once; the socket is closed.
    func streamEnded(_ stream: TunnelStream, _ ending: RelayEnding)
}

extension TunnelStreamOwner {
    public func streamAnswered(_ stream: TunnelStream, status: Int, fields: [HTTPField]) {}
    public func streamApplicationEnded(_ stream: TunnelStream) {}
    public func streamConnected(_ stream: TunnelStream) {}
}
