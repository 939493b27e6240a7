/// Durations counted in log-linear buckets as HdrHistogram has them, to three significant digits: exact below 2,048 ns,
/// within 0.1 % above, up to any duration.
struct Histogram {
    private static let subBucketBits: UInt64 = 10
    private static let bucketCount = Int((64 - subBucketBits + 1) << subBucketBits)

    private var counts = [UInt64](repeating: 0, count: bucketCount)
    private(set) var count: UInt64 = 0
    private(set) var maximum: UInt64 = 0

    mutating func record(nanoseconds value: UInt64) {
        counts[Self.index(of: value)] += 1
        count += 1
        maximum = max(maximum, value)
    }

    /// The duration that a share of `fraction` does not exceed, in nanoseconds; 0 when nothing was recorded.
    func quantile(_ fraction: Double) -> UInt64 {
        let wanted = UInt64((Double(count) * fraction).rounded(.up))
        var seen: UInt64 = 0
        for (index, bucket) in counts.enumerated() {
            seen += bucket
            if bucket > 0 && seen >= wanted { return min(Self.middle(of: index), maximum) }
        }
        return maximum
    }

    private static func index(of value: UInt64) -> Int {
        guard value >= 1 << (subBucketBits + 1) else { return Int(value) }
        let shift = 63 - UInt64(value.leadingZeroBitCount) - subBucketBits
        return Int(shift << subBucketBits + value >> shift)
    }

    private static func middle(of index: Int) -> UInt64 {
        let index = UInt64(index)
        guard index >= 1 << (subBucketBits + 1) else { return index }
        let shift = index >> subBucketBits - 1
        return (index - shift << subBucketBits) << shift + 1 << shift / 2
    }
}

extension Histogram: CustomStringConvertible {
    /// A JSON object; durations in nanoseconds.
    var description: String {
        let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)]
        let fields = quantiles.map { "\"\($0.0)\": \(quantile($0.1))" }.joined(separator: ", ")
        return "{\"count\": \(count), \(fields), \"max\": \(maximum)}"
    }
}
