/// What was made of a directory of manifests: the objects that are good, and why the others are refused.
public struct ManifestReading: Sendable {
    public var objects = ManifestSet()
    /// In the order of the files.
    public var refusals: [ManifestError] = []
    /// Objects of which an earlier version stays in force, as what is there now is refused.
    public var kept: [ObjectKey] = []

    public init() {}
}

/// Tells refusals that are new from those that were told before.
public struct RefusalLedger: Sendable {
    private var known: [ManifestError] = []

    public init() {}

    /// Notes the refusals of a reading; returns those that are new, and those that are over.
    public mutating func note(_ refusals: [ManifestError]) -> (new: [ManifestError], over: [ManifestError]) {
        defer { known = refusals }
        return (refusals.filter { !known.contains($0) }, known.filter { !refusals.contains($0) })
    }
}
