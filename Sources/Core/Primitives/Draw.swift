/// Random choices that all follow from one random word (splitmix64), so that a decision is a function of its arguments
/// and a run can be repeated.
public struct Draw: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The choices that follow from `random`: a random word, or the seed of a run.
    public init(_ random: UInt64) { state = random }

    /// The next word.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mixed(state)
    }

    /// A word each bit of which depends on every bit of `word`. No two words give the same one.
    public static func mixed(_ word: UInt64) -> UInt64 {
        var word = word
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
