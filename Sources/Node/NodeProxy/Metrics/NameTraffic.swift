import Mesh
import Primitives
import Telemetry
import Wire

/// What pods asked for names, and what the name servers made of it.
struct NameTraffic: Sendable {
    /// Who asks, and how.
    struct Labels: Hashable, Sendable {
        private let type: DNSType?
        private let transport: DNSQuery.Transport
        private let canonicalName: String
        private let canonicalRevision: String

        init(_ query: DNSQuery, of workload: Workload) {
            // Types that have no name here are for the client to choose, of 65536.
            type = query.question.type.isNamed ? query.question.type : nil
            transport = query.transport
            canonicalName = workload.canonicalName
            canonicalRevision = workload.canonicalRevision
        }

        private init(overflow: String) {
            (type, transport, canonicalName, canonicalRevision) = (nil, .udp, overflow, overflow)
        }

        /// Those of all who are too many.
        static let overflow = Labels(overflow: "overflow")

        var bytes: [UInt8] {
            var labels = MetricLabels("request_query_type", type?.description.lowercased() ?? "other")
            labels.append("request_protocol", transport.rawValue)
            labels.append("source_canonical_service", canonicalName)
            labels.append("source_canonical_revision", canonicalRevision)
            return labels.bytes
        }
    }

    /// What is counted of one kind of questions.
    struct Counts: Sendable {
        var requests: UInt64 = 0
        var forwarded: UInt64 = 0
        var failed: UInt64 = 0
        /// Seconds that the name servers took.
        var durations = MetricHistogram(bounds: [0.0005, 0.001, 0.01, 0.1, 1, 5])
    }

    private(set) var counts: [Labels: Counts] = [:]

    /// Counts a question.
    mutating func asked(_ labels: Labels) { counts[slot(labels), default: Counts()].requests &+= 1 }

    /// Counts one that went to the name servers.
    mutating func forwarded(_ labels: Labels) { counts[slot(labels), default: Counts()].forwarded &+= 1 }

    /// Counts what came of that.
    mutating func answered(_ labels: Labels, after span: Duration, hasFailed: Bool) {
        let slot = slot(labels)
        if hasFailed { counts[slot, default: Counts()].failed &+= 1 }
        counts[slot, default: Counts()].durations.observe(span.inSeconds)
    }

    mutating func merge(_ other: NameTraffic) {
        counts.merge(other.counts) { mine, theirs in
            var sum = mine
            sum.requests &+= theirs.requests
            sum.forwarded &+= theirs.forwarded
            sum.failed &+= theirs.failed
            sum.durations.merge(theirs.durations)
            return sum
        }
    }

    private func slot(_ labels: Labels) -> Labels {
        counts[labels] != nil || counts.count < Limits.nameSeriesCountMax ? labels : .overflow
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
