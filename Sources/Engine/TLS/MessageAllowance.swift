import Primitives

/// What a peer may send beside data after the handshake: so many messages, and again as many for so much data.
struct MessageAllowance {
    private var messageCount = 0
    private var byteCount = 0

    /// The peer has sent more than it may.
    var isExceeded: Bool { messageCount > Limits.tlsIdleMessageCountMax }

    /// Counts a message.
    mutating func spend() { messageCount += 1 }

    /// Counts data.
    mutating func restore(_ byteCount: Int) {
        self.byteCount += byteCount
        guard self.byteCount >= Limits.tlsMessageAllowanceByteCount else { return }
        (self.byteCount, messageCount) = (0, 0)
    }
}
