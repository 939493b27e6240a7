/// Counts by label. Of labels beyond a bound there is one count for all.
public struct LabelledCounters<Label: Hashable & Sendable>: Sendable {
    /// What was counted under each label.
    public private(set) var counts: [Label: UInt64] = [:]
    private let countMax: Int
    private let overflow: Label

    /// - Parameters:
    ///   - countMax: labels that are told apart.
    ///   - overflow: the label of all others.
    public init(countMax: Int, overflow: Label) {
        self.countMax = countMax
        self.overflow = overflow
    }

    /// Counts once more, or by so much more.
    public mutating func add(_ label: Label, _ amount: UInt64 = 1) {
        let isKnown = counts[label] != nil || counts.count < countMax
        counts[isKnown ? label : overflow, default: 0] &+= amount
    }

    /// Adds what another one has counted.
    public mutating func merge(_ other: LabelledCounters) { counts.merge(other.counts) { $0 &+ $1 } }
}
