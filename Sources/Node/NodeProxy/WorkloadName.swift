/// Which workload a pod is, as the interception agent names it.
struct WorkloadName: Hashable, Sendable {
    var name: String
    var namespace: String
    var serviceAccount: String
}
