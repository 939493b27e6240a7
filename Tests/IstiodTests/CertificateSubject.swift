import Certificates
import ControlPlane
import EventLoop
import Identity
import Primitives
import RPC
import System

/// A certificate store with the peer as its CA, on a loop of the test's thread.
final class CertificateSubject {
    let loop: EventLoop
    let store: CertificateStore
    private let record = Record()

    final class Record {
        var renewed: [WorkloadCertificate] = []
        var failures: [String] = []
        var keeps: [Bool] = []
    }

    init(
        of istiod: Istiod, lifetime: Duration = .seconds(3600), answerLimit: Duration = .seconds(10),
        _ change: (inout ControlPlaneAccess) -> Void = { _ in }
    ) throws {
        loop = try EventLoop()
        var access = ControlPlaneAccess(
            target: .endpoint(Endpoint(istiod.address, port: istiod.port)), trust: .file("\(istiod.folder)/root.pem"))
        access.token = .file("\(istiod.folder)/token")
        access.headers = [("x-other", "from-the-environment")]
        access.timing.handshake = .milliseconds(400)
        change(&access)
        let signer = CertificateAuthorityClient(access, lifetime: lifetime, answerLimit: answerLimit, loop: loop)
        let record = record
        store = CertificateStore(loop: loop, signer: signer) { event in
            switch event {
            case .renewed(let certificate): record.renewed.append(certificate)
            case .failed(_, let reason, _, let keeps):
                record.failures.append(reason.description)
                record.keeps.append(keeps)
            case .forgotten: break
            }
        }
    }

    /// Certificates in the order in which they came.
    var renewed: [WorkloadCertificate] { record.renewed }
    /// Why calls failed, and whether a valid certificate was there all the same.
    var failures: [String] { record.failures }
    var keeps: [Bool] { record.keeps }

    static func identity(_ account: String) -> SPIFFEID {
        SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: account)
    }

    /// What the store answers about the identity, within some time.
    func fetch(_ account: String, atMost limit: Duration = .seconds(15)) -> Result<
        WorkloadCertificate, CertificateFailure
    >? {
        var result: Result<WorkloadCertificate, CertificateFailure>?
        store.certificate(for: Self.identity(account)) { result = $0 }
        turn(atMost: limit) { result != nil }
        return result
    }

    /// Turns the loop until the condition holds or the time is over; whether it holds.
    @discardableResult
    func turn(atMost limit: Duration = .seconds(15), until condition: () -> Bool) -> Bool {
        let deadline = MonotonicClock.now() + limit
        while !condition() {
            guard MonotonicClock.now() < deadline else { return false }
            loop.turn(waitingAtMost: .milliseconds(5))
        }
        return true
    }
}
