import Primitives

/// What a `baggage` header says of a workload. It serves telemetry only: a peer can write into it what it likes.
///
/// The encoding is ztunnel's: `key=value` joined by commas, without spaces, quotes or percent-encoding in either
/// direction.
public struct Baggage: Hashable, Sendable {
    /// What runs the workload's pods; part of the key of its name.
    public enum WorkloadType: String, CaseIterable, Sendable {
        case deployment
        case cronJob = "cronjob"
        case pod
        case job
    }

    public var cluster = ""
    public var namespace = ""
    /// Kept on encoding only: a parsed baggage has the type of the key that came last.
    public var workloadType = WorkloadType.deployment
    public var workloadName = ""
    public var canonicalName = ""
    public var canonicalRevision = ""
    public var region = ""
    public var zone = ""

    /// A baggage that says nothing.
    public init() {}

    /// The header's value, in ztunnel's order; what is empty is left out.
    public var encoded: String {
        var text = ""
        for (key, value) in [
            (Key.cluster, cluster), (Key.namespace, namespace), (Key.workload(workloadType), workloadName),
            (Key.canonicalName, canonicalName), (Key.canonicalRevision, canonicalRevision), (Key.region, region),
            (Key.zone, zone),
        ] where !value.isEmpty {
            if !text.isEmpty { text += "," }
            text += key
            text += "="
            text += value
        }
        return text
    }

    /// Reads every instance of the header; of a key that occurs again the last value counts, and what follows a second
    /// `=` is lost. Nil when a value is not visible ASCII, or all of them are longer than `Limits.baggageByteCountMax`.
    public init?(headerValues: some Sequence<some Collection<UInt8>>) {
        var byteCount = 0
        for value in headerValues {
            byteCount += value.count
            guard byteCount <= Limits.baggageByteCountMax, value.isHeaderText else { return nil }
            for item in value.split(separator: UInt8(ascii: ",")) {
                let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 2, omittingEmptySubsequences: false)
                guard parts.count > 1 else { continue }
                set(String(decoding: parts[0], as: UTF8.self), to: String(decoding: parts[1], as: UTF8.self))
            }
        }
    }

    private mutating func set(_ key: String, to value: String) {
        switch key {
        case Key.cluster: cluster = value
        case Key.namespace: namespace = value
        case Key.canonicalName: canonicalName = value
        case Key.canonicalRevision: canonicalRevision = value
        case Key.region: region = value
        case Key.zone: zone = value
        default:
            guard let type = WorkloadType.allCases.first(where: { Key.workload($0) == key }) else { return }
            workloadType = type
            workloadName = value
        }
    }

    private enum Key {
        static let cluster = "k8s.cluster.name"
        static let namespace = "k8s.namespace.name"
        static let canonicalName = "service.name"
        static let canonicalRevision = "service.version"
        static let region = "cloud.region"
        static let zone = "cloud.availability_zone"

        static func workload(_ type: WorkloadType) -> String { "k8s.\(type.rawValue).name" }
    }
}
