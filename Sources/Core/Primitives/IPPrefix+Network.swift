extension IPPrefix {
    /// The same network with its host bits cleared, so that one network has one spelling.
    public var network: IPPrefix {
        let cleared: IPAddress
        switch address.family {
        case .v4:
            cleared = IPAddress(v4: UInt32(truncatingIfNeeded: address.low & ~(UInt64.max >> (32 + UInt64(length)))))
        case .v6:
            // Smart shifts: one by 64 or more gives zero, which clears nothing.
            let high = address.high & ~(UInt64.max >> UInt64(length))
            let low = length <= 64 ? 0 : address.low & ~(UInt64.max >> UInt64(length - 64))
            cleared = IPAddress(v6High: high, low: low)
        }
        return IPPrefix(cleared, length: Int(length)) ?? self
    }
}
