public import Identity
public import Primitives

/// Which identities need a certificate, which have one, and which is to be signed next: all decisions of the
/// certificate store and none of its work. Time and chance arrive as arguments.
///
/// Source: ztunnel's certificate manager. A certificate that is still valid is kept whatever the CA does; an identity
/// without one answers with the CA's last failure until the next attempt, whose time the back-off alone decides.
public struct CertificateLedger<Certificate: Sendable>: Sendable {
    /// The span for which a certificate holds.
    public struct Validity: Equatable, Sendable {
        public var notBefore: WallTime
        public var notAfter: WallTime

        public init(notBefore: WallTime, notAfter: WallTime) {
            self.notBefore = notBefore
            self.notAfter = notAfter
        }
    }

    /// One signing call that the ledger has let begin.
    public struct Ticket: Hashable, Sendable {
        public let identity: SPIFFEID
        fileprivate let number: UInt64
    }

    /// Where an identity stands.
    public enum State: Sendable {
        /// A first answer of the CA is awaited.
        case initializing(CertificatePriority)
        case available(Certificate)
        /// There is no valid certificate, and the last attempt failed so.
        case unavailable(reason: String)
    }

    /// What became of a call that failed.
    public struct Setback: Equatable, Sendable {
        /// Until the next attempt.
        public let retryAfter: Duration
        /// A certificate is there that is still valid.
        public let keepsCertificate: Bool
    }

    private struct Entry {
        var certificate: Certificate?
        var validity = Validity(notBefore: WallTime(nanoseconds: 0), notAfter: WallTime(nanoseconds: 0))
        var failure: String?
        var failureCount = 0
        var priority: CertificatePriority
        var due: Instant
        /// Of the signing call under way.
        var ticketNumber: UInt64?
        /// Since when nobody needs it.
        var released: Instant?

        /// A call may be made. Nobody's certificate is not renewed.
        var isEligible: Bool { ticketNumber == nil && (released == nil || priority > .background) }
    }

    private var entries: [SPIFFEID: Entry] = [:]
    private var openTickets: Set<UInt64> = []
    private var ticketCount: UInt64 = 0

    public init() {}

    /// All identities, in no order.
    public var identities: [SPIFFEID] { Array(entries.keys) }

    /// Those that somebody needs.
    public var needed: [SPIFFEID] { entries.filter { $0.value.released == nil }.map(\.key) }

    /// Where an identity stands; nil if nobody has asked for it.
    public func state(of identity: SPIFFEID, wall: WallTime) -> State? {
        guard let entry = entries[identity] else { return nil }
        if let certificate = entry.certificate, entry.validity.notAfter > wall { return .available(certificate) }
        if let failure = entry.failure { return .unavailable(reason: failure) }
        return .initializing(entry.priority)
    }

    /// Asks for a certificate. What is queued moves up to `priority`; what has failed is not tried again before its
    /// time.
    public mutating func request(
        _ identity: SPIFFEID, priority: CertificatePriority, now: Instant, wall: WallTime
    ) -> State {
        guard var entry = entries[identity] else {
            guard entries.count < Limits.certificateIdentityCountMax else {
                return .unavailable(reason: "more than \(Limits.certificateIdentityCountMax) identities on this node")
            }
            entries[identity] = Entry(priority: priority, due: now)
            return .initializing(priority)
        }
        if let certificate = entry.certificate, entry.validity.notAfter > wall { return .available(certificate) }
        if let failure = entry.failure { return .unavailable(reason: failure) }
        // A certificate that ran out with no attempt in between: the clock was set, or the machine slept.
        if entry.certificate != nil { entry.due = min(entry.due, now) }
        entry.certificate = nil
        entry.priority = max(entry.priority, priority)
        entries[identity] = entry
        return .initializing(entry.priority)
    }

    /// A workload that needs the identity has come, or come back.
    public mutating func use(_ identity: SPIFFEID) { entries[identity]?.released = nil }

    /// Nobody needs the identity any more. It is forgotten after a while: who is only being restarted finds its
    /// certificate again.
    public mutating func release(_ identity: SPIFFEID, now: Instant) {
        guard entries[identity]?.released == nil else { return }
        entries[identity]?.released = now
    }

    /// Identities that nobody has needed for so long that they are to be forgotten.
    public func forgettable(now: Instant) -> [SPIFFEID] {
        entries.filter { $0.value.released.map { now - $0 >= Limits.certificateForgetDuration } ?? false }.map(\.key)
    }

    /// Drops an identity. The answer to a call that is under way will be refused.
    public mutating func forget(_ identity: SPIFFEID) { entries[identity] = nil }

    /// The identity to be signed now, if any is due and a further call may be made: the most urgent, then the longest
    /// due.
    public mutating func begin(now: Instant) -> Ticket? {
        guard openTickets.count < Limits.signingCallCountMax else { return nil }
        let next = entries.lazy.filter { $0.value.isEligible && $0.value.due <= now }
            .min { ($1.value.priority, $0.value.due) < ($0.value.priority, $1.value.due) }
        guard let identity = next?.key else { return nil }
        ticketCount += 1
        openTickets.insert(ticketCount)
        entries[identity]?.ticketNumber = ticketCount
        return Ticket(identity: identity, number: ticketCount)
    }

    /// When `begin` or `forgettable` has something to give next; nil if only an answer can change that.
    public var nextDue: Instant? {
        let forgetting = entries.values.lazy.compactMap(\.released).min().map { $0 + Limits.certificateForgetDuration }
        guard openTickets.count < Limits.signingCallCountMax else { return forgetting }
        let signing = entries.values.lazy.filter(\.isEligible).map(\.due).min()
        return [forgetting, signing].compactMap { $0 }.min()
    }

    /// Ends a call that brought a certificate. Its renewal falls due at half of what is left of its life, a little
    /// earlier by chance. What is over says nothing: CAs date certificates back, by minutes, since clocks differ, and a
    /// short one would seem to be halfway through as it comes (a ztunnel then asks again without end).
    /// - Returns: false if nobody needs it any more.
    public mutating func complete(
        _ ticket: Ticket, _ certificate: Certificate, _ validity: Validity, now: Instant, wall: WallTime,
        using generator: inout some RandomNumberGenerator
    ) -> Bool {
        guard var entry = close(ticket) else { return false }
        entry.certificate = certificate
        entry.validity = validity
        entry.failure = nil
        entry.failureCount = 0
        entry.priority = .background
        let life = min(validity.notAfter - validity.notBefore, validity.notAfter - wall)
        let share = Double.random(in: 0.45...0.5, using: &generator)
        entry.due = now + max(life * share, Limits.certificateRenewalSpanMin)
        entries[ticket.identity] = entry
        return true
    }

    /// Puts another certificate in the place of an identity's own, which is as valid.
    /// - Returns: false if the identity has none.
    public mutating func replace(_ certificate: Certificate, of identity: SPIFFEID) -> Bool {
        guard entries[identity]?.certificate != nil else { return false }
        entries[identity]?.certificate = certificate
        return true
    }

    /// Ends a call that failed.
    /// - Returns: nil if nobody needs the certificate any more.
    public mutating func fail(
        _ ticket: Ticket, reason: String, now: Instant, wall: WallTime,
        using generator: inout some RandomNumberGenerator
    ) -> Setback? {
        guard var entry = close(ticket) else { return nil }
        var wait = Self.backoff(afterFailures: entry.failureCount, using: &generator)
        let remaining = entry.validity.notAfter - wall
        let keepsCertificate = entry.certificate != nil && remaining > .zero
        // One attempt falls on the moment at which the certificate runs out.
        if keepsCertificate {
            wait = min(wait, remaining)
        } else {
            entry.certificate = nil
            entry.priority = max(entry.priority, .warmup)
        }
        entry.failure = reason
        entry.failureCount += 1
        entry.due = now + wait
        entries[ticket.identity] = entry
        return Setback(retryAfter: wait, keepsCertificate: keepsCertificate)
    }

    /// Takes back a ticket; nil if its identity was forgotten since.
    private mutating func close(_ ticket: Ticket) -> Entry? {
        openTickets.remove(ticket.number)
        guard var entry = entries[ticket.identity], entry.ticketNumber == ticket.number else { return nil }
        entry.ticketNumber = nil
        return entry
    }

    /// Doubles from one second, give or take a fifth, up to the limit.
    private static func backoff(
        afterFailures count: Int, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let doubled = Limits.signingBackoffMin * Double(1 << min(count, 20))
        return min(doubled * Double.random(in: 0.8...1.2, using: &generator), Limits.signingBackoffMax)
    }
}
