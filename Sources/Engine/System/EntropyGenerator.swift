/// The kernel's random bytes where the standard library asks for a generator.
public struct EntropyGenerator: RandomNumberGenerator, Sendable {
    public init() {}

    /// 64 fresh random bits.
    public mutating func next() -> UInt64 { Entropy.uint64() }
}
