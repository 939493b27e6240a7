/// Samples of one name: what they mean and how they are counted.
public struct MetricFamily: Sendable {
    /// How values of a family behave (OpenMetrics).
    public enum Kind: String, Sendable {
        /// Grows only; its samples carry `_total`.
        case counter
        case gauge
        /// Counts of observations up to each bound, their number and their sum.
        case histogram
    }

    public let name: String
    public let kind: Kind
    let help: String
    let unit: String?

    /// - Parameters:
    ///   - help: one sentence without its full stop.
    ///   - unit: the last word of `name`, where it is announced as the unit.
    ///   - isStable: a name that operators may rely on; others say so in their help (ztunnel).
    public init(_ name: String, _ kind: Kind, help: String, unit: String? = nil, isStable: Bool = false) {
        self.name = name
        self.kind = kind
        self.help = isStable ? "\(help)." : "\(help) (unstable)."
        self.unit = unit
    }

    /// A gauge of the process, whose help has neither full stop nor promise (ztunnel).
    public init(processWide name: String, help: String) {
        self.name = name
        kind = .gauge
        self.help = help
        unit = nil
    }
}
