import Identity
import Mesh

/// Which workload a pod is, as the interception agent names it.
struct WorkloadName: Hashable, Sendable {
    var name: String
    var namespace: String
    var serviceAccount: String
}

extension Workload {
    /// Who the workload is in a certificate.
    var identity: SPIFFEID {
        SPIFFEID(trustDomain: trustDomain, namespace: namespace, serviceAccount: serviceAccount)
    }
}
