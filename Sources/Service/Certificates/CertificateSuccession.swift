import Primitives
import TLS

/// How one identity's certificates follow one another when the CA changes its root without a word before, as one that
/// was replaced does: what our peers hold is still of the old root, and they know nothing of the new one.
///
/// A certificate that those cannot verify who were last told the roots is kept back until the one in force is about to
/// run out; until then all of them have renewed theirs and were told. Old roots are believed for as long as
/// certificates of theirs may be valid. A CA that announces its new root first has none of this.
struct CertificateSuccession {
    /// What the CA said last.
    private var told: TLSCredentials
    /// What is shown to peers; not the last while that is kept back. Here with the roots that came with it.
    private var shown: TLSCredentials
    /// Roots that the CA no longer names.
    private var former: (credentials: TLSCredentials, since: WallTime, span: Duration)?

    /// Begins with a first certificate.
    init(_ first: TLSCredentials) { (told, shown) = (first, first) }

    /// What to do with the next certificate.
    struct Step {
        /// What is to be shown from now on.
        let shown: TLSCredentials
        /// What takes its place after a while.
        let keptBack: (credentials: TLSCredentials, after: Duration)?
    }

    /// Takes in the next certificate.
    mutating func follow(with next: TLSCredentials, wall: WallTime) -> Step {
        if !next.sharesRoot(with: told) {
            let lifetime = shown.leaf.notAfter - shown.leaf.notBefore
            former = (told, since: wall, span: lifetime)
        } else if let former, wall - former.since >= former.span {
            self.former = nil
        }
        defer { told = next }
        let trusting = former.map { next.trusting(rootsOf: $0.credentials) } ?? next
        let remaining = shown.leaf.notAfter - wall
        let margin = (shown.leaf.notAfter - shown.leaf.notBefore) / 10
        guard !next.isTrusted(byRootsOf: shown), remaining > margin else {
            shown = next
            return Step(shown: trusting, keptBack: nil)
        }
        return Step(shown: shown.trusting(rootsOf: trusting), keptBack: (trusting, remaining - margin))
    }

    /// What was kept back is shown from now on.
    mutating func advance() { shown = told }
}
