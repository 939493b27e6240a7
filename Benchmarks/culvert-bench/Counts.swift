import CCounting

/// How often a thread has allocated, retained and released so far.
struct Counts {
    var allocations: Double
    var retains: Double
    var releases: Double

    /// Reads a ledger, from any thread.
    init(ledger: Int32) {
        allocations = Double(culvert_counted(ledger, CULVERT_ALLOCATIONS))
        retains = Double(culvert_counted(ledger, CULVERT_RETAINS))
        releases = Double(culvert_counted(ledger, CULVERT_RELEASES))
    }

    static func - (a: Counts, b: Counts) -> Counts {
        var difference = a
        difference.allocations -= b.allocations
        difference.retains -= b.retains
        difference.releases -= b.releases
        return difference
    }

    static func / (a: Counts, divisor: Int) -> Counts {
        var share = a
        share.allocations /= Double(divisor)
        share.retains /= Double(divisor)
        share.releases /= Double(divisor)
        return share
    }
}

extension Counts: CustomStringConvertible {
    /// A JSON object.
    var description: String {
        "{\"allocations\": \(allocations), \"retains\": \(retains), \"releases\": \(releases)}"
    }
}

/// The counters of this process.
enum Counting {
    private static let checkCount: Int32 = 1000
    private static let checkLedger = Int32(CULVERT_LEDGERS - 1)
    private final class Probe {}

    /// Puts the counters in place and sees that they count what the calling thread does.
    static func begin() throws {
        guard culvert_begin_counting() else { throw LoadFailure(description: "counters are in place already") }
        culvert_count_in(checkLedger)
        let earlier = Counts(ledger: checkLedger)
        let probe = Probe()
        unsafe culvert_exercise(Unmanaged.passUnretained(probe).toOpaque(), checkCount)
        let made = Counts(ledger: checkLedger) - earlier
        withExtendedLifetime(probe) {}
        for count in [made.allocations, made.retains, made.releases] where Int32(count) / checkCount != 1 {
            throw LoadFailure(description: "\(count) were counted where \(checkCount) were made")
        }
    }
}
