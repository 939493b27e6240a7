/// A node of a `PersistentIntegerSet`. Sharing and in-place change are those of the array it holds.
///
/// All leaves are equally deep, and none but the root is empty. A node that is full is split by its parent before more
/// comes in; one of few words joins its neighbour when both fit well into one.
enum PersistentIntegerSetNode: Sendable {
    /// Words in ascending order.
    case leaf([UInt64])
    case branch([Child])

    /// A part of a branch. Its words are not below `least`, and below the next one's.
    struct Child: Sendable {
        var least: UInt64
        var node: PersistentIntegerSetNode
    }

    /// A leaf is one kilobyte, and a branch a hundred references to count for each change: measured.
    static let leafCountMax = 128
    static let branchCountMax = 16

    func first(atLeast bound: UInt64) -> UInt64? {
        switch self {
        case .leaf(let words):
            let index = Self.index(of: bound, in: words)
            return index < words.count ? words[index] : nil
        case .branch(let children):
            let index = Self.index(of: bound, in: children)
            if let word = children[index].node.first(atLeast: bound) { return word }
            return index + 1 < children.count ? children[index + 1].node.first(atLeast: bound) : nil
        }
    }

    /// - Precondition: the node is not full.
    mutating func insert(_ word: UInt64) -> Bool {
        switch self {
        case .leaf(var words):
            let index = Self.index(of: word, in: words)
            if index < words.count, words[index] == word { return false }
            // Taken out of the node while it changes, so that it is held once.
            self = .leaf([])
            words.insert(word, at: index)
            self = .leaf(words)
            return true
        case .branch(var children):
            self = .leaf([])
            var index = Self.index(of: word, in: children)
            if let right = children[index].node.splitOffIfFull() {
                children.insert(right, at: index + 1)
                if right.least <= word { index += 1 }
            }
            children[index].least = min(children[index].least, word)
            let isNew = children[index].node.insert(word)
            self = .branch(children)
            return isNew
        }
    }

    mutating func remove(_ word: UInt64) -> Bool {
        switch self {
        case .leaf(var words):
            let index = Self.index(of: word, in: words)
            guard index < words.count, words[index] == word else { return false }
            self = .leaf([])
            words.remove(at: index)
            self = .leaf(words)
            return true
        case .branch(var children):
            self = .leaf([])
            let index = Self.index(of: word, in: children)
            let wasThere = children[index].node.remove(word)
            if wasThere { Self.joinIfSparse(&children, at: index) }
            self = .branch(children)
            return wasThere
        }
    }

    /// Makes a full root a branch of two halves.
    mutating func growIfFull() {
        guard let right = splitOffIfFull() else { return }
        self = .branch([Child(least: 0, node: self), right])
    }

    /// Makes a root with a single child that child.
    mutating func shrinkIfSingle() {
        while case .branch(let children) = self, children.count == 1 { self = children[0].node }
    }

    // MARK: Sizes

    /// The second half of a full node, taken away from it; nil for one with room.
    private mutating func splitOffIfFull() -> Child? {
        switch self {
        case .leaf(var words):
            guard words.count >= Self.leafCountMax else { return nil }
            self = .leaf([])
            let right = Array(words[(words.count / 2)...])
            words.removeLast(right.count)
            self = .leaf(words)
            return Child(least: right[0], node: .leaf(right))
        case .branch(var children):
            guard children.count >= Self.branchCountMax else { return nil }
            self = .leaf([])
            let right = Array(children[(children.count / 2)...])
            children.removeLast(right.count)
            self = .branch(children)
            return Child(least: right[0].least, node: .branch(right))
        }
    }

    private static func joinIfSparse(_ children: inout [Child], at index: Int) {
        if children[index].node.isEmpty {
            children.remove(at: index)
            return
        }
        guard children[index].node.isSparse, children.count > 1 else { return }
        let left = index > 0 ? index - 1 : index
        guard let joined = joined(children[left].node, children[left + 1].node) else { return }
        children[left].node = joined
        children.remove(at: left + 1)
    }

    /// Both in one, unless that one would soon be full.
    private static func joined(
        _ left: PersistentIntegerSetNode, _ right: PersistentIntegerSetNode
    ) -> PersistentIntegerSetNode? {
        switch (left, right) {
        case (.leaf(let a), .leaf(let b)): a.count + b.count <= leafCountMax / 2 ? .leaf(a + b) : nil
        case (.branch(let a), .branch(let b)): a.count + b.count <= branchCountMax / 2 ? .branch(a + b) : nil
        case (.leaf, .branch), (.branch, .leaf): nil
        }
    }

    private var isEmpty: Bool {
        switch self {
        case .leaf(let words): words.isEmpty
        case .branch(let children): children.isEmpty
        }
    }

    private var isSparse: Bool {
        switch self {
        case .leaf(let words): words.count < Self.leafCountMax / 4
        case .branch(let children): children.count < Self.branchCountMax / 4
        }
    }

    // MARK: Search

    /// The index of the first word that is not below `bound`.
    private static func index(of bound: UInt64, in words: [UInt64]) -> Int {
        var (low, high) = (0, words.count)
        while low < high {
            let middle = (low + high) / 2
            if words[middle] < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The index of the child that has or would take `word`: the last one that begins at or before it, or the first.
    private static func index(of word: UInt64, in children: [Child]) -> Int {
        var (low, high) = (1, children.count)
        while low < high {
            let middle = (low + high) / 2
            if children[middle].least <= word { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }
}
