public import RPC

/// What a discovery client tells. All calls come on its loop.
public protocol DiscoveryDelegate: AnyObject {
    /// A response was applied; the state is a new one, or the same if the response had nothing in it.
    func discoveryUpdated(_ update: DiscoveryUpdate)
    /// The first state is complete. Comes once, after the update that completed it.
    func discoveryBecameReady()
    /// A response arrived, with so many bytes of resources.
    func discoveryReceived(typeURL: String, byteCount: Int)
    /// A stream ended, or none came about.
    func discoveryEnded(_ termination: DiscoveryTermination, _ status: RPCStatus)
}

extension DiscoveryDelegate {
    public func discoveryReceived(typeURL: String, byteCount: Int) {}
    public func discoveryEnded(_ termination: DiscoveryTermination, _ status: RPCStatus) {}
}

/// The end of a stream as ztunnel's metric `istio_xds_connection_terminations` has it.
public enum DiscoveryTermination: String, Sendable {
    case connectionError = "ConnectionError"
    case error = "Error"
    case reconnect = "Reconnect"
    case complete = "Complete"
}
