import Primitives
import Tunnel

/// What the tunnels to one worker share, by the address that they come from.
struct SourceTurns {
    private var entries: [IPAddress: (turn: SourceTurn, tunnelCount: Int)] = [:]

    /// One more tunnel comes from the address. It leaves by `leave`.
    mutating func enter(_ address: IPAddress) -> SourceTurn {
        let (turn, count) = entries[address] ?? (SourceTurn(), 0)
        entries[address] = (turn, count + 1)
        return turn
    }

    /// One has gone.
    mutating func leave(_ address: IPAddress) {
        guard let (turn, count) = entries[address] else { return }
        entries[address] = count > 1 ? (turn, count - 1) : nil
    }

    /// Addresses with tunnels.
    var count: Int { entries.count }
}
