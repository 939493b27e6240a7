/// A map whose versions share structure: a copy is O(1), and a change to one version costs O(log n) and leaves the
/// others as they were. The nodes of a version that nobody else holds are changed in place.
///
/// A hash array mapped trie of 32-way branches. Iteration order is that of the hashes and differs from run to run. Code
/// that uses it is specialised in its own module, hence `@inlinable`.
public struct PersistentMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    @usableFromInline var root = PersistentMapNode<Key, Value>()

    /// The empty map; holds no memory.
    @inlinable public init() {}

    /// The map of these pairs; of equal keys the last counts.
    @inlinable public init(_ pairs: some Sequence<(Key, Value)>) {
        for (key, value) in pairs { updateValue(value, forKey: key) }
    }

    /// The number of entries; O(1).
    @inlinable public var count: Int { root.count }

    @inlinable public var isEmpty: Bool { root.count == 0 }

    /// The value of `key`; setting nil removes the entry.
    @inlinable public subscript(key: Key) -> Value? {
        get { root.value(forKey: key, hash: Self.hash(of: key), shift: 0) }
        set {
            if let newValue { updateValue(newValue, forKey: key) } else { removeValue(forKey: key) }
        }
    }

    /// Sets the value of `key` and returns the one it replaces.
    @inlinable @discardableResult public mutating func updateValue(_ value: Value, forKey key: Key) -> Value? {
        root.updateValue(value, forKey: key, hash: Self.hash(of: key), shift: 0)
    }

    /// Removes `key` and returns its value.
    @inlinable @discardableResult public mutating func removeValue(forKey key: Key) -> Value? {
        root.removeValue(forKey: key, hash: Self.hash(of: key), shift: 0)
    }

    /// The entry at `offset` in iteration order, O(log n): a fair way to draw one of many at random.
    ///
    /// - Precondition: `0 <= offset < count`.
    @inlinable public func element(atOffset offset: Int) -> Element {
        precondition(offset >= 0 && offset < count)
        return root.element(atOffset: offset)
    }

    @inlinable static func hash(of key: Key) -> UInt { UInt(bitPattern: key.hashValue) }
}

extension PersistentMap: Sequence {
    public typealias Element = (key: Key, value: Value)

    @inlinable public var underestimatedCount: Int { count }

    /// The entries in an order of no meaning.
    @inlinable public func makeIterator() -> Iterator { Iterator(root) }

    /// Walks the trie depth first.
    public struct Iterator: IteratorProtocol {
        @usableFromInline var path: [(slots: [PersistentMapNode<Key, Value>.Slot], next: Int)]

        @inlinable init(_ root: PersistentMapNode<Key, Value>) { path = [(root.slots, 0)] }

        /// The next entry; nil after the last.
        @inlinable public mutating func next() -> Element? {
            while let (slots, next) = path.last {
                guard next < slots.count else {
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next = next + 1
                switch slots[next] {
                case .entry(let key, let value): return (key, value)
                case .branch(let child): path.append((child.slots, 0))
                }
            }
            return nil
        }
    }
}

extension PersistentMap: ExpressibleByDictionaryLiteral {
    /// Of equal keys the last counts.
    @inlinable public init(dictionaryLiteral elements: (Key, Value)...) { self.init(elements) }
}

extension PersistentMap: Equatable where Value: Equatable {
    @inlinable public static func == (a: Self, b: Self) -> Bool {
        a.count == b.count && a.allSatisfy { b[$0.key] == $0.value }
    }
}
