import Primitives

/// Peers of a pod that have not shown yet who they are, counted by the address that they come from: so that nobody can
/// fill the node with handshakes that lead nowhere.
struct SourceCensus {
    enum Verdict: Equatable {
        case admitted
        /// There are too many of this address. The log is told of the first only, until there are fewer.
        case refused(isFirst: Bool)
    }

    private var counts: [IPAddress: (strangers: Int, isCrowded: Bool)] = [:]

    /// One more comes from the address; whoever is admitted leaves by `leave`.
    mutating func enter(_ address: IPAddress) -> Verdict {
        let (strangers, isCrowded) = counts[address, default: (0, false)]
        guard strangers < Limits.strangerCountPerSourceMax else {
            counts[address] = (strangers, true)
            return .refused(isFirst: !isCrowded)
        }
        counts[address] = (strangers + 1, isCrowded)
        return .admitted
    }

    /// One has shown who it is, or has gone.
    mutating func leave(_ address: IPAddress) {
        guard let (strangers, isCrowded) = counts[address] else { return }
        counts[address] =
            strangers > 1 ? (strangers - 1, isCrowded && strangers > Limits.strangerCountPerSourceMax / 2) : nil
    }
}
