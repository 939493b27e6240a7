import Primitives

/// Every choice of a run follows from its seed.
struct Chance: RandomNumberGenerator {
    private var draw: Draw

    init(seed: UInt64) { draw = Draw(seed) }

    mutating func next() -> UInt64 { draw.next() }

    /// A number of the range.
    mutating func number(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(next(upperBound: UInt64(range.count)))
    }

    /// True once in so many times.
    mutating func once(in count: Int) -> Bool { number(1...count) == 1 }

    /// One of the elements; nil when there are none.
    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[number(0...elements.count - 1)]
    }

    /// One of a list that is never empty.
    mutating func one<Element>(of first: Element, _ others: Element...) -> Element { pick(others + [first]) ?? first }
}
