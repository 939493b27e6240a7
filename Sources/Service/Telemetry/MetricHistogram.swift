/// Observations counted by their size.
public struct MetricHistogram: Sendable {
    /// Upper bounds of the buckets, ascending; one without bound follows.
    public let bounds: [Double]
    /// Observations in each bucket, those above all bounds last.
    public private(set) var counts: [UInt64]
    public private(set) var sum = 0.0

    /// A histogram of nothing yet.
    public init(bounds: [Double]) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count + 1)
    }

    public var count: UInt64 { counts.reduce(0, &+) }

    /// Counts an observation.
    public mutating func observe(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] &+= 1
        sum += value
    }

    /// Adds what another histogram of the same bounds has counted.
    public mutating func merge(_ other: MetricHistogram) {
        for (index, count) in other.counts.enumerated() where index < counts.count { counts[index] &+= count }
        sum += other.sum
    }
}
