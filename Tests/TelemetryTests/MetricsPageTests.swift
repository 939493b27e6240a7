import Primitives
import Telemetry
import Testing

@Suite struct MetricsPageTests {
    private static func text(_ body: (inout MetricsPage) -> Void) -> String {
        var page = MetricsPage()
        body(&page)
        return String(decoding: page.finish(), as: UTF8.self)
    }

    @Test func `a family has its help, type and unit, and a counter its suffix`() {
        let family = MetricFamily("x_bytes", .counter, help: "Bytes", unit: "bytes")
        let text = Self.text { $0.write(family) { $0.sample(MetricLabels("url", "a").bytes, 7) } }
        #expect(
            text == "# HELP x_bytes Bytes (unstable).\n# TYPE x_bytes counter\n# UNIT x_bytes bytes\n"
                + "x_bytes_total{url=\"a\"} 7\n# EOF\n")
    }

    @Test func `a family without samples is absent`() {
        #expect(Self.text { $0.write(MetricFamily("x", .gauge, help: "X")) { _ in } } == "# EOF\n")
    }

    @Test func `a histogram counts up to each bound`() {
        var histogram = MetricHistogram(bounds: [0.0005, 1, 5])
        for value in [0.0005, 0.25, 7] { histogram.observe(value) }
        let text = Self.text { page in
            page.write(MetricFamily("d_seconds", .histogram, help: "D", isStable: true)) { $0.sample([], histogram) }
        }
        #expect(
            text == "# HELP d_seconds D.\n# TYPE d_seconds histogram\nd_seconds_sum 7.2505\nd_seconds_count 3\n"
                + "d_seconds_bucket{le=\"0.0005\"} 1\nd_seconds_bucket{le=\"1.0\"} 2\nd_seconds_bucket{le=\"5.0\"} 2\n"
                + "d_seconds_bucket{le=\"+Inf\"} 3\n# EOF\n")
    }

    @Test func `a label's value is escaped, never empty and never long`() {
        var labels = MetricLabels("a", "x\"\\\n")
        labels.append("b", "")
        labels.append("c", String(repeating: "é", count: Limits.metricLabelByteCountMax))
        let text = String(decoding: labels.bytes, as: UTF8.self)
        let cut = String(repeating: "é", count: Limits.metricLabelByteCountMax / 2)
        #expect(text == #"a="x\"\\\n",b="unknown",c=""# + cut + "\"")
    }
}
