import Primitives
import System

/// What the owner of a client's stream asks of the application's socket.
extension TunnelStream {
    /// Bytes of the application wait to be read.
    public var hasUnreadBytes: Bool { socket?.hasUnreadBytes ?? false }

    /// Within `streamAnswered`: gives the application these bytes before any of the peer's.
    public func greet(_ bytes: [UInt8]) {
        do throws(Errno) { try socket?.prepend(bytes) } catch { socketFailed(error) }
    }
}
