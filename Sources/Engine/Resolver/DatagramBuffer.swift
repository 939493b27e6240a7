import Primitives

/// Room for the longest message, which all sockets of a loop share.
@safe public final class DatagramBuffer {
    public let bytes: UnsafeMutableRawBufferPointer

    public init() {
        unsafe bytes = .allocate(byteCount: 1 << 16, alignment: 16)
    }

    deinit { unsafe bytes.deallocate() }

    /// A copy of what was received.
    public func prefix(_ byteCount: Int) -> [UInt8] { unsafe Array(bytes[..<byteCount]) }
}

@available(*, unavailable) extension DatagramBuffer: Sendable {}
