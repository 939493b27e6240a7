import Certificates
import System
import TLS
import Telemetry

extension Node {
    /// Begins to follow the file of revocation lists, if there is to be one.
    /// - Returns: the options of workloads' tunnels, which are judged by these lists.
    func startRevocations() -> TLSOptions {
        var options = configuration.tls
        guard let path = configuration.revocationPath else { return options }
        let register = RevocationRegister()
        options.revocations = register
        let follower = RevocationFollower(path: path, register: register) { [weak self] in self?.revocationsChanged($0)
        }
        revocations = follower
        follower.start(on: loop)
        return options
    }

    private func revocationsChanged(_ event: RevocationFollower.Event) {
        let path = LogField.text("path", configuration.revocationPath ?? "")
        switch event {
        case .adopted(let lists):
            logger.log(
                .info, "crl", "revocation lists are in force",
                [path, .bare("lists", lists.listCount), .bare("entries", lists.entryCount)])
            for issuer in lists.overdueIssuers(at: WallClock.now()) {
                logger.log(
                    .warn, "crl", "revocation list is out of date and in force nevertheless", [.text("issuer", issuer)])
            }
            for link in links { link.perform { $0.close(ifRevokedBy: lists) } }
        case .refused(let reason, let hasEarlier):
            let consequence =
                hasEarlier ? "the last good ones stay in force" : "nobody counts as revoked until they can"
            logger.log(
                .error, "crl", "revocation lists cannot be read: \(consequence)", [path, .text("error", reason)])
        }
    }
}
