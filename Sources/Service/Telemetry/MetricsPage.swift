import Primitives

/// A page of metrics under construction, in the text form of OpenMetrics.
public struct MetricsPage {
    private var bytes: [UInt8] = []
    private var isBegun = false
    private var family = MetricFamily("", .gauge, help: "")

    public init() {}

    /// The page with its end mark.
    public consuming func finish() -> [UInt8] {
        append("# EOF\n")
        return bytes
    }

    /// Writes a family with the samples that `body` adds; one without samples is absent.
    public mutating func write(_ family: MetricFamily, _ body: (inout MetricsPage) -> Void) {
        (self.family, isBegun) = (family, false)
        body(&self)
    }

    /// Writes a family of a single sample without labels.
    public mutating func write(_ family: MetricFamily, _ value: UInt64) { write(family) { $0.sample([], value) } }

    /// Adds a sample of the family.
    public mutating func sample(_ labels: [UInt8], _ value: UInt64) {
        begin(family.kind == .counter ? "_total" : "", labels)
        bytes.append(decimal: value)
        append("\n")
    }

    /// Adds the samples of a histogram.
    public mutating func sample(_ labels: [UInt8], _ histogram: MetricHistogram) {
        begin("_sum", labels)
        append("\(histogram.sum)\n")
        begin("_count", labels)
        bytes.append(decimal: histogram.count)
        append("\n")
        var count: UInt64 = 0
        for (bound, inBucket) in zip(histogram.bounds + [.infinity], histogram.counts) {
            count &+= inBucket
            let text = "le=\"\(bound == .infinity ? "+Inf" : "\(bound)")\""
            begin("_bucket", Array(text.utf8) + (labels.isEmpty ? [] : [UInt8(ascii: ",")] + labels))
            bytes.append(decimal: count)
            append("\n")
        }
    }

    private mutating func begin(_ suffix: String, _ labels: [UInt8]) {
        if !isBegun {
            isBegun = true
            append("# HELP \(family.name) \(family.help)\n# TYPE \(family.name) \(family.kind.rawValue)\n")
            if let unit = family.unit { append("# UNIT \(family.name) \(unit)\n") }
        }
        append(family.name)
        append(suffix)
        if !labels.isEmpty {
            append("{")
            bytes += labels
            append("}")
        }
        append(" ")
    }

    private mutating func append(_ text: String) { bytes += Array(text.utf8) }
}
