import Primitives
import Synchronization

/// Peers of one kind, counted by the address that they come from: so that nobody can fill the node with handshakes that
/// lead nowhere, with tunnels, or with connections.
struct SourceCensus {
    enum Verdict: Equatable {
        case admitted
        /// There are too many of this address. The log is told of the first only, until there are fewer.
        case refused(isFirst: Bool)
    }

    private let countMax: Int
    private var counts: [IPAddress: (peers: Int, isCrowded: Bool)] = [:]

    /// - Parameter countMax: how many there may be of one address.
    init(countMax: Int) { self.countMax = countMax }

    /// One more comes from the address; whoever is admitted leaves by `leave`.
    mutating func enter(_ address: IPAddress) -> Verdict {
        let (peers, isCrowded) = counts[address, default: (0, false)]
        guard peers < countMax else {
            counts[address] = (peers, true)
            return .refused(isFirst: !isCrowded)
        }
        counts[address] = (peers + 1, isCrowded)
        return .admitted
    }

    /// One is no longer of the kind, or has gone.
    mutating func leave(_ address: IPAddress) {
        guard let (peers, isCrowded) = counts[address] else { return }
        counts[address] = peers > 1 ? (peers - 1, isCrowded && peers > countMax / 2) : nil
    }
}

/// The census of all workers of a node together.
final class SharedSourceCensus: Sendable {
    private let census: Mutex<SourceCensus>

    init(countMax: Int) { census = Mutex(SourceCensus(countMax: countMax)) }

    func enter(_ address: IPAddress) -> SourceCensus.Verdict { census.withLock { $0.enter(address) } }

    func leave(_ address: IPAddress) { census.withLock { $0.leave(address) } }
}
