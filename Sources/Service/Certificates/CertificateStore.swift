public import EventLoop
public import Identity
import Primitives
import System
public import TLS

/// Keeps the certificates of this node's identities: fetches them, renews them, and tells when one changes. It carries
/// out what its ledger decides.
public final class CertificateStore {
    /// What the rest of the node is told.
    public enum Event: Sendable {
        /// A first certificate, or a renewed one.
        case renewed(WorkloadCertificate)
        /// A call failed. A certificate that is still valid is kept.
        case failed(SPIFFEID, reason: CertificateFailure, retryAfter: Duration, keepsCertificate: Bool)
        /// The identity is gone.
        case forgotten(SPIFFEID)
    }

    public typealias Completion = (Result<WorkloadCertificate, CertificateFailure>) -> Void

    private let loop: EventLoop
    private let signer: any CertificateSigner
    private let options: TLSOptions
    private let observer: (Event) -> Void
    private var ledger = CertificateLedger<WorkloadCertificate>()
    private var successions: [SPIFFEID: CertificateSuccession] = [:]
    private var advances: [SPIFFEID: TimerToken] = [:]
    private var waiters: [SPIFFEID: [Completion]] = [:]
    private var generator = EntropyGenerator()
    private var generation: UInt64 = 0
    private var timer: TimerToken?
    private var isPumping = false

    /// - Parameters:
    ///   - options: of the TLS contexts that come with each certificate.
    ///   - observer: called on the loop for each change.
    public init(
        loop: EventLoop, signer: any CertificateSigner, options: TLSOptions = TLSOptions(),
        observer: @escaping (Event) -> Void
    ) {
        self.loop = loop
        self.signer = signer
        self.options = options
        self.observer = observer
    }

    /// Asks for a certificate. Calls back at once if there is one, or if the last attempt failed and the next is not
    /// due; else when the CA has answered.
    public func certificate(
        for identity: SPIFFEID, priority: CertificatePriority = .realTime, _ completion: @escaping Completion
    ) {
        switch ledger.request(identity, priority: priority, now: loop.now, wall: WallClock.now()) {
        case .available(let certificate):
            completion(.success(certificate))
        case .unavailable(let reason):
            completion(.failure(CertificateFailure(reason)))
        case .initializing:
            guard waiters[identity, default: []].count < Limits.certificateWaiterCountMax else {
                return completion(.failure(CertificateFailure("too many connections wait for this certificate")))
            }
            waiters[identity, default: []].append(completion)
            pump()
        }
    }

    /// Fetches a certificate that will be needed, and keeps it until its identity is released.
    public func prefetch(_ identity: SPIFFEID) {
        _ = ledger.request(identity, priority: .warmup, now: loop.now, wall: WallClock.now())
        ledger.use(identity)
        pump()
    }

    /// No workload of this node needs the identity any more. Unless one comes that does it is forgotten after
    /// `Limits.certificateForgetDuration`, and not renewed until then.
    public func release(_ identity: SPIFFEID) {
        ledger.release(identity, now: loop.now)
        pump()
    }

    /// Drops an identity and its key at once.
    public func forget(_ identity: SPIFFEID) {
        ledger.forget(identity)
        successions[identity] = nil
        if let advance = advances.removeValue(forKey: identity) { loop.cancel(advance) }
        observer(.forgotten(identity))
        answer(identity, .failure(.forgotten))
    }

    /// Every identity that somebody needs and where it stands, in the order of their texts: for the configuration dump.
    public func states() -> [(identity: SPIFFEID, state: CertificateLedger<WorkloadCertificate>.State)] {
        let wall = WallClock.now()
        return ledger.needed.sorted { $0.description < $1.description }
            .compactMap { identity in ledger.state(of: identity, wall: wall).map { (identity, $0) } }
    }

    /// Begins every call that may begin, and sees to it that the next is not missed.
    private func pump() {
        // A call that fails at once would lead back here.
        guard !isPumping else { return }
        isPumping = true
        defer { isPumping = false }
        for identity in ledger.forgettable(now: loop.now) { forget(identity) }
        while let ticket = ledger.begin(now: loop.now) { sign(ticket) }
        if let timer { loop.cancel(timer) }
        timer = ledger.nextDue.map { due in
            loop.after(max(due - loop.now, .zero)) { [weak self] in
                self?.timer = nil
                self?.pump()
            }
        }
    }

    private func sign(_ ticket: CertificateLedger<WorkloadCertificate>.Ticket) {
        do {
            let key = try PrivateKey.generateP256()
            let request = try CertificateSigningRequest.make(identity: ticket.identity, key: key)
            signer.sign(request, for: ticket.identity) { [weak self] result in
                self?.finish(ticket, key, result)
                self?.pump()
            }
        } catch {
            fail(ticket, CertificateFailure(error.message))
        }
    }

    private func finish(
        _ ticket: CertificateLedger<WorkloadCertificate>.Ticket, _ key: PrivateKey,
        _ result: Result<[String], CertificateFailure>
    ) {
        do {
            let chain = try result.get()
            try complete(
                ticket, WorkloadCertificate.credentials(of: ticket.identity, key: key, chain: chain))
        } catch {
            fail(ticket, error)
        }
    }

    private func complete(
        _ ticket: CertificateLedger<WorkloadCertificate>.Ticket, _ credentials: TLSCredentials
    ) throws(CertificateFailure) {
        let leaf = credentials.leaf
        let wall = WallClock.now()
        guard leaf.notAfter > wall else { throw CertificateFailure("the CA sent a certificate that has expired") }
        var succession = successions[ticket.identity]
        let step = succession?.follow(with: credentials, wall: wall) ?? .init(shown: credentials, keptBack: nil)
        let certificate = try WorkloadCertificate(
            identity: ticket.identity, generation: generation + 1, credentials: step.shown, options: options)
        let isNeeded = ledger.complete(
            ticket, certificate, .init(notBefore: leaf.notBefore, notAfter: leaf.notAfter), now: loop.now, wall: wall,
            using: &generator)
        guard isNeeded else { return }
        successions[ticket.identity] = succession ?? CertificateSuccession(credentials)
        generation = certificate.generation
        if let former = advances.removeValue(forKey: ticket.identity) { loop.cancel(former) }
        if let next = step.keptBack {
            advances[ticket.identity] = loop.after(next.after) { [weak self] in
                self?.advance(ticket.identity, to: next.credentials)
            }
        }
        observer(.renewed(certificate))
        answer(ticket.identity, .success(certificate))
    }

    /// Shows a certificate that was kept back.
    private func advance(_ identity: SPIFFEID, to credentials: TLSCredentials) {
        advances[identity] = nil
        guard
            let certificate = try? WorkloadCertificate(
                identity: identity, generation: generation + 1, credentials: credentials, options: options),
            ledger.replace(certificate, of: identity)
        else { return }
        generation = certificate.generation
        successions[identity]?.advance()
        observer(.renewed(certificate))
    }

    private func fail(_ ticket: CertificateLedger<WorkloadCertificate>.Ticket, _ failure: CertificateFailure) {
        let setback = ledger.fail(
            ticket, reason: failure.description, now: loop.now, wall: WallClock.now(), using: &generator)
        guard let setback else { return }
        observer(
            .failed(
                ticket.identity, reason: failure, retryAfter: setback.retryAfter,
                keepsCertificate: setback.keepsCertificate))
        answer(ticket.identity, .failure(failure))
    }

    private func answer(_ identity: SPIFFEID, _ result: Result<WorkloadCertificate, CertificateFailure>) {
        for completion in waiters.removeValue(forKey: identity) ?? [] { completion(result) }
    }
}

@available(*, unavailable)
extension CertificateStore: Sendable {}
