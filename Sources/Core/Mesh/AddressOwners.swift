/// The workloads that claim one address, the most likely owner first.
struct AddressOwners: Sendable {
    private(set) var best: Workload
    /// Rarely any, hence no list of all.
    private var others: [Workload] = []

    init(_ workload: Workload) { best = workload }

    /// A pod goes before what is none, and HBONE before plain TCP; of equals the latest.
    mutating func insert(_ workload: Workload) {
        var all = [best] + others
        let rank = Self.rank(workload)
        all.insert(workload, at: all.firstIndex { Self.rank($0) <= rank } ?? all.endIndex)
        best = all.removeFirst()
        others = all
    }

    /// The owners without `workload`; nil when none are left.
    func removing(_ workload: Workload) -> AddressOwners? {
        var all = ([best] + others).filter { $0 !== workload }
        guard !all.isEmpty else { return nil }
        var owners = AddressOwners(all.removeFirst())
        owners.others = all
        return owners
    }

    private static func rank(_ workload: Workload) -> Int {
        // The uid of a Kubernetes pod is CLUSTER//Pod/NAMESPACE/NAME.
        (workload.uid.utf8.contains("//Pod/".utf8) ? 2 : 0) + (workload.tunnelProtocol == .hbone ? 1 : 0)
    }
}
