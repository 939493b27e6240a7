import Synchronization

/// The revocation lists in force. They change while connections are made; each handshake is judged by those that are in
/// force when its peer's certificate has come.
public final class RevocationRegister: Sendable {
    private let lists = Mutex<RevocationLists?>(nil)

    public init() {}

    /// Nil as long as there are none.
    public var current: RevocationLists? { lists.withLock { $0 } }

    /// Judges by these from now on.
    public func adopt(_ next: RevocationLists) { lists.withLock { $0 = next } }
}
