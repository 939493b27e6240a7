import Certificates
import Identity
import Primitives
import Testing

/// A ledger with a clock that is set by hand; certificates are numbers.
private final class Bench {
    var ledger = CertificateLedger<Int>()
    var generator: Draw
    var seconds = 1_000.0

    init(seed: UInt64 = 1) { generator = Draw(seed) }

    var now: Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }
    var wall: WallTime { WallTime(nanoseconds: Int64(seconds * 1e9)) }

    func request(
        _ identity: SPIFFEID, _ priority: CertificatePriority = .realTime
    ) -> CertificateLedger<Int>.State {
        ledger.request(identity, priority: priority, now: now, wall: wall)
    }

    func begin() -> CertificateLedger<Int>.Ticket? { ledger.begin(now: now) }

    /// Begins what must be due.
    func next() throws -> CertificateLedger<Int>.Ticket { try #require(begin()) }

    /// Ends a call with a certificate that lives from now for so many seconds, and has lived for some already.
    @discardableResult
    func complete(
        _ ticket: CertificateLedger<Int>.Ticket, _ number: Int, life: Int64 = 3_600, age: Int64 = 0
    ) -> Bool {
        let validity = CertificateLedger<Int>.Validity(
            notBefore: WallTime(nanoseconds: wall.nanoseconds - age * 1_000_000_000),
            notAfter: WallTime(nanoseconds: wall.nanoseconds + life * 1_000_000_000))
        return ledger.complete(ticket, number, validity, now: now, wall: wall, using: &generator)
    }

    @discardableResult
    func fail(_ ticket: CertificateLedger<Int>.Ticket) -> CertificateLedger<Int>.Setback? {
        ledger.fail(ticket, reason: "CA is down", now: now, wall: wall, using: &generator)
    }

    /// Seconds until something is due.
    var wait: Double? { ledger.nextDue.map { Double(($0 - now).clampedNanoseconds) / 1e9 } }
}

private func identity(_ number: Int) -> SPIFFEID {
    SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "a\(number)")
}

private func text(_ state: CertificateLedger<Int>.State?) -> String {
    switch state {
    case nil: "unknown"
    case .initializing(let priority): "initializing \(priority)"
    case .available(let number): "available \(number)"
    case .unavailable(let reason): "unavailable: \(reason)"
    }
}

struct CertificateLedgerTests {
    @Test func `an identity is signed once, however often it is asked for`() throws {
        let bench = Bench()
        #expect(text(bench.request(identity(1))) == "initializing realTime")
        #expect(text(bench.request(identity(1))) == "initializing realTime")
        let ticket = try bench.next()
        #expect(bench.begin() == nil)
        #expect(bench.complete(ticket, 7))
        #expect(text(bench.request(identity(1))) == "available 7")
        #expect(bench.begin() == nil)
    }

    @Test func `the most urgent goes first, and among equals the longest waiting`() throws {
        let bench = Bench()
        for (number, priority) in [(1, CertificatePriority.background), (2, .warmup), (3, .warmup), (4, .realTime)] {
            _ = bench.request(identity(number), priority)
            bench.seconds += 1
        }
        let order = (0..<4).compactMap { _ in bench.begin()?.identity }
        #expect(order == [4, 2, 3, 1].map(identity))
    }

    @Test func `a connection that waits moves a queued identity up`() throws {
        let bench = Bench()
        _ = bench.request(identity(1), .warmup)
        bench.seconds += 1
        _ = bench.request(identity(2), .warmup)
        #expect(text(bench.request(identity(2), .realTime)) == "initializing realTime")
        #expect(text(bench.request(identity(2), .background)) == "initializing realTime")
        #expect(bench.begin()?.identity == identity(2))
    }

    @Test func `eight calls are made at a time`() throws {
        let bench = Bench()
        for number in 0..<12 { _ = bench.request(identity(number)) }
        let tickets = (0..<8).compactMap { _ in bench.begin() }
        #expect(tickets.count == 8 && bench.begin() == nil && bench.wait == nil)
        bench.complete(tickets[0], 0)
        #expect(bench.wait == 0)
        #expect(bench.begin() != nil && bench.begin() == nil)
    }

    @Test func `a certificate is renewed at half of its life or a little before`() throws {
        for seed in UInt64(0)..<50 {
            let bench = Bench(seed: seed)
            _ = bench.request(identity(1))
            bench.complete(try bench.next(), 1, life: 100)
            let wait = try #require(bench.wait)
            #expect((45...50).contains(wait), "seed \(seed)")
            bench.seconds += wait + 0.001
            let renewal = try bench.next()
            #expect(text(bench.request(identity(1))) == "available 1")
            bench.complete(renewal, 2)
            #expect(text(bench.request(identity(1))) == "available 2")
        }
    }

    @Test(arguments: [20, 60, 240, 86_400]) func `a CA that dates certificates back makes no renewal come early`(
        life: Int64
    ) throws {
        let bench = Bench()
        _ = bench.request(identity(1))
        // As istiod and our own CA do.
        bench.complete(try bench.next(), 1, life: life, age: 120)
        let share = try #require(bench.wait) / Double(life)
        #expect((0.45...0.5).contains(share), "\(share)")
    }

    @Test func `an identity that nobody needs is neither renewed nor forgotten at once`() throws {
        let bench = Bench()
        let grace = Double(Limits.certificateForgetDuration.components.seconds)
        _ = bench.request(identity(1))
        bench.complete(try bench.next(), 1, life: 100)
        bench.ledger.release(identity(1), now: bench.now)
        #expect(bench.wait == grace)
        bench.seconds += 80
        #expect(bench.begin() == nil && bench.ledger.forgettable(now: bench.now).isEmpty)
        #expect(text(bench.request(identity(1))) == "available 1", "who comes back finds it")
        bench.ledger.use(identity(1))
        #expect(bench.begin()?.identity == identity(1), "and then it is renewed")
        // Released again, twice: the first counts.
        bench.ledger.release(identity(1), now: bench.now)
        bench.seconds += grace - 1
        bench.ledger.release(identity(1), now: bench.now)
        #expect(bench.ledger.forgettable(now: bench.now).isEmpty)
        bench.seconds += 1
        #expect(bench.ledger.forgettable(now: bench.now) == [identity(1)])
    }

    @Test func `who waits for an identity that is released gets it`() throws {
        let bench = Bench()
        _ = bench.request(identity(1))
        bench.ledger.release(identity(1), now: bench.now)
        #expect(bench.complete(try bench.next(), 1))
        #expect(text(bench.request(identity(1))) == "available 1")
    }

    @Test(arguments: [0, -5, 1]) func `a CA that gives no life to speak of is not asked more than once a second`(
        life: Int64
    ) throws {
        let bench = Bench()
        _ = bench.request(identity(1))
        bench.complete(try bench.next(), 1, life: life)
        #expect(try #require(bench.wait) >= 1)
    }

    @Test func `failures double the wait up to 150 seconds, and answer until the next attempt`() throws {
        let bench = Bench()
        _ = bench.request(identity(1))
        for count in 0..<12 {
            let ticket = try bench.next()
            let setback = try #require(bench.fail(ticket))
            #expect(!setback.keepsCertificate)
            let expected = min(Double(1 << count), 150)
            let wait = try #require(bench.wait)
            #expect((min(expected * 0.79, 150)...min(expected * 1.21, 150)).contains(wait))
            #expect(text(bench.request(identity(1))) == "unavailable: CA is down")
            #expect(bench.begin() == nil)
            bench.seconds += wait + 0.001
        }
        bench.complete(try bench.next(), 1)
        bench.seconds += try #require(bench.wait) + 0.001
        let setback = try #require(bench.fail(try bench.next()))
        #expect(setback.retryAfter < .milliseconds(1_201), "success resets the back-off")
    }

    @Test func `a valid certificate is kept while the CA fails, with one attempt as it runs out`() throws {
        let bench = Bench()
        _ = bench.request(identity(1))
        bench.complete(try bench.next(), 1, life: 40)
        let end = bench.seconds + 40
        var attempts: [Double] = []
        while bench.seconds < end {
            bench.seconds += try #require(bench.wait) + 0.000_001
            attempts.append(bench.seconds - end)
            let setback = try #require(bench.fail(try bench.next()))
            #expect(setback.keepsCertificate == (bench.seconds < end))
            #expect(
                text(bench.request(identity(1))) == (bench.seconds < end ? "available 1" : "unavailable: CA is down"))
        }
        #expect(attempts.contains { abs($0) < 0.01 })
    }

    @Test func `a certificate that ran out unnoticed is fetched at once`() throws {
        let bench = Bench()
        _ = bench.request(identity(1))
        bench.complete(try bench.next(), 1, life: 1_000)
        // The wall clock jumps; the monotonic one does not.
        let wall = WallTime(nanoseconds: bench.wall.nanoseconds + 2_000_000_000_000)
        let state = bench.ledger.request(identity(1), priority: .realTime, now: bench.now, wall: wall)
        #expect(text(state) == "initializing realTime")
        #expect(bench.begin()?.identity == identity(1))
    }

    @Test func `the answer for a forgotten identity is refused, also when it was asked for again`() throws {
        let bench = Bench()
        _ = bench.request(identity(1))
        let first = try bench.next()
        bench.ledger.forget(identity(1))
        #expect(bench.ledger.state(of: identity(1), wall: bench.wall) == nil)
        _ = bench.request(identity(1))
        let second = try bench.next()
        #expect(!bench.complete(first, 1))
        #expect(text(bench.request(identity(1))) == "initializing realTime")
        #expect(bench.complete(second, 2))
        #expect(bench.fail(second) == nil)
        #expect(text(bench.request(identity(1))) == "available 2")
    }

    @Test func `calls for forgotten identities still count as calls until they end`() throws {
        let bench = Bench()
        for number in 0..<8 { _ = bench.request(identity(number)) }
        let tickets = (0..<8).compactMap { _ in bench.begin() }
        for number in 0..<8 { bench.ledger.forget(identity(number)) }
        _ = bench.request(identity(9))
        #expect(bench.begin() == nil)
        #expect(bench.fail(tickets[3]) == nil)
        #expect(bench.begin()?.identity == identity(9))
    }

    @Test func `identities beyond the limit are turned away`() {
        let bench = Bench()
        for number in 0..<Limits.certificateIdentityCountMax { _ = bench.request(identity(number)) }
        #expect(text(bench.request(identity(-1))).hasPrefix("unavailable: more than"))
    }

    @Test func `whatever the CA does, calls stay bounded and every needed identity is tried again`() throws {
        for seed in UInt64(0)..<30 {
            let bench = Bench(seed: seed)
            var chance = Draw(seed &+ 1_000)
            var open: [CertificateLedger<Int>.Ticket] = []
            for _ in 0..<3_000 {
                let number = Int.random(in: 0..<20, using: &chance)
                switch Int.random(in: 0..<6, using: &chance) {
                case 0: _ = bench.request(identity(number), .realTime)
                case 1: _ = bench.request(identity(number), .warmup)
                case 2: if number == 0 { bench.ledger.forget(identity(0)) }
                case 3: bench.seconds += Double(number)
                default:
                    if let ticket = bench.begin() { open.append(ticket) }
                    guard let ticket = open.randomElement(using: &chance), Bool.random(using: &chance) else { break }
                    open.removeAll { $0 == ticket }
                    if Bool.random(using: &chance) {
                        bench.fail(ticket)
                    } else {
                        bench.complete(ticket, number, life: Int64(number))
                    }
                }
                try #require(open.count <= Limits.signingCallCountMax, "seed \(seed)")
            }
            for ticket in open { bench.fail(ticket) }
            let identities = bench.ledger.identities.count
            bench.seconds += 200
            #expect((bench.wait ?? 1) <= 0 && identities > 0, "seed \(seed)")
        }
    }
}
