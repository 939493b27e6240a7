import Certificates
import Identity
import Mesh
import Primitives
import Telemetry

extension Node {
    func fetchCertificate(_ identity: SPIFFEID, for link: WorkerLink) {
        certificates?.certificate(for: identity) { result in
            link.perform { $0.received(result, for: identity) }
        }
        // A worker may ask late, for somebody who has left: that is not to be kept for ever.
        if !identities.values.contains(identity) { certificates?.release(identity) }
    }

    func certificateChanged(_ event: CertificateStore.Event) {
        switch event {
        case .renewed(let certificate):
            counted.fetchedCertificates &+= 1
            logger.log(
                .info, "identity", "certificate received", [.text("identity", certificate.identity.description)])
            for link in links { link.perform { $0.received(.success(certificate), for: certificate.identity) } }
        case .failed(let identity, let reason, let delay, let keeps):
            counted.failedCertificates &+= 1
            logger.log(
                .warn, "identity", "certificate could not be fetched: \(reason)",
                [
                    .text("identity", identity.description), .text("retry_after", "\(delay.wholeMilliseconds)ms"),
                    .bare("keeps_valid_certificate", keeps),
                ])
        case .forgotten(let identity):
            logger.log(.info, "identity", "certificate forgotten", [.text("identity", identity.description)])
            for link in links { link.perform { $0.forget(identity) } }
        }
    }

    /// Sees to it that there is a certificate for a service account as long as a workload of this node needs one: from
    /// the moment at which the mesh tells of it, so that it is there when the pod is.
    func attend(to account: ServiceAccountName) {
        let isRunning = runningNames.contains { $0.account == account }
        let workloads = state?.localWorkloads(of: account) ?? []
        let identity =
            isRunning
            // The workload may have left the mesh before its pod is gone.
            ? workloads.last?.identity ?? identities[account]
            : workloads.last { isAnnounced($0) }?.identity
        if let former = identities[account], former != identity { certificates?.release(former) }
        identities[account] = identity
        if let identity { certificates?.prefetch(identity) }
    }

    /// Whether the workload's pod will be enrolled here, as far as the mesh can say.
    private func isAnnounced(_ workload: Workload) -> Bool {
        configuration.nodeName != nil && configuration.dedicatedWorkload == nil && configuration.carriesConnections
            && (workload.tunnelProtocol == .hbone || workload.hasNativeTunnel)
    }
}

extension WorkloadName {
    var account: ServiceAccountName { ServiceAccountName(namespace: namespace, serviceAccount: serviceAccount) }
}
