/// An ordered set of 64-bit words whose versions share structure: a copy is O(1), and a change to one version costs
/// O(log n) and leaves the others as they were. The nodes of a version that nobody else holds are changed in place.
///
/// A tree of wide leaves: words lie side by side, hold no references, and are copied by the hundred at no cost.
public struct PersistentIntegerSet: Sendable {
    private var root = PersistentIntegerSetNode.leaf([])
    /// The number of words.
    public private(set) var count = 0

    /// The empty set; holds no memory.
    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// The least word of the set that is not below `bound`; nil when there is none.
    public func first(atLeast bound: UInt64) -> UInt64? { root.first(atLeast: bound) }

    /// Adds a word; false when it was there.
    @discardableResult public mutating func insert(_ word: UInt64) -> Bool {
        let isNew = root.insert(word)
        root.growIfFull()
        if isNew { count += 1 }
        return isNew
    }

    /// Takes a word out; false when it was not there.
    @discardableResult public mutating func remove(_ word: UInt64) -> Bool {
        guard root.remove(word) else { return false }
        root.shrinkIfSingle()
        count -= 1
        return true
    }
}
