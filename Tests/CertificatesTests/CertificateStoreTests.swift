import Certificates
import EventLoop
import Identity
import Primitives
import System
import TLS
import Testing

struct CertificateStoreTests {
    private static let web = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "web")
    private static let cart = SPIFFEID(trustDomain: "cluster.local", namespace: "shop", serviceAccount: "cart")

    private final class Record {
        var events: [String] = []
        var results: [String] = []

        func note(_ result: Result<WorkloadCertificate, CertificateFailure>) {
            switch result {
            case .success(let certificate): results.append("\(certificate.identity) \(certificate.generation)")
            case .failure(let failure): results.append(failure.description)
            }
        }
    }

    private let loop: EventLoop
    private let authority: FakeAuthority
    private let record = Record()
    private let store: CertificateStore

    init() throws {
        loop = try EventLoop()
        authority = try FakeAuthority()
        store = Self.store(loop, authority, record)
    }

    private static func store(_ loop: EventLoop, _ authority: FakeAuthority, _ record: Record) -> CertificateStore {
        CertificateStore(loop: loop, signer: authority) { event in
            switch event {
            case .renewed(let certificate): record.events.append("renewed \(certificate.generation)")
            case .failed(_, let reason, _, let keeps): record.events.append("failed \(reason) \(keeps)")
            case .forgotten: record.events.append("forgotten")
            }
        }
    }

    @Test func `all who wait get the one certificate`() throws {
        for _ in 0..<3 { store.certificate(for: Self.web, record.note) }
        #expect(authority.identities == [Self.web] && record.results.isEmpty)
        try authority.answer()
        #expect(record.results == Array(repeating: "\(Self.web) 1", count: 3))
        store.certificate(for: Self.web, record.note)
        #expect(record.results.count == 4 && authority.identities.count == 1)
        #expect(record.events == ["renewed 1"])
    }

    @Test func `certificates of one mesh work as TLS contexts`() throws {
        var contexts: [WorkloadCertificate] = []
        for identity in [Self.web, Self.cart] {
            store.certificate(for: identity) { if case .success(let value) = $0 { contexts.append(value) } }
            try authority.answer()
        }
        try #require(contexts.count == 2)
        let client = try TLSConnection(client: contexts[0].client, expecting: [Self.cart])
        let server = try TLSConnection(server: contexts[1].server)
        var toServer = ByteQueue()
        var toClient = ByteQueue()
        var plain = ByteQueue()
        try client.start(ciphertext: &toServer)
        for _ in 0..<4 {
            try unsafe server.receive(toServer.readable, plaintext: &plain, ciphertext: &toClient)
            toServer.consume(toServer.count)
            try unsafe client.receive(toClient.readable, plaintext: &plain, ciphertext: &toServer)
            toClient.consume(toClient.count)
        }
        #expect(server.peerIdentity == Self.web && client.peerIdentity == Self.cart)
    }

    @Test func `a failed call answers the waiters, and further ones at once until the retry`() throws {
        store.certificate(for: Self.web, record.note)
        authority.answer(.failure(CertificateFailure("CA is down")))
        store.certificate(for: Self.web, record.note)
        #expect(record.results == ["CA is down", "CA is down"])
        #expect(record.events == ["failed CA is down false"] && authority.calls.isEmpty)
        let deadline = MonotonicClock.now() + .seconds(5)
        while authority.calls.isEmpty, MonotonicClock.now() < deadline { loop.turn(waitingAtMost: .milliseconds(50)) }
        try authority.answer()
        store.certificate(for: Self.web, record.note)
        #expect(record.results.last == "\(Self.web) 1")
    }

    @Test func `a certificate of short life is renewed before it ends, with a higher generation`() throws {
        store.prefetch(Self.web)
        try authority.answer(lifetime: .seconds(2))
        let deadline = MonotonicClock.now() + .seconds(5)
        while authority.calls.isEmpty, MonotonicClock.now() < deadline { loop.turn(waitingAtMost: .milliseconds(50)) }
        try authority.answer()
        #expect(record.events == ["renewed 1", "renewed 2"])
    }

    @Test func `a CA that lies is not believed`() throws {
        let other = try FakeAuthority()
        let stolen = try other.leaf(
            for: CertificateSigningRequest.make(identity: Self.web, key: .generateP256()), Self.web)
        let lies: [Result<[String], CertificateFailure>] = [
            .success([]), .success([stolen]), .success([stolen, stolen]), .success(["", ""]),
            .success(["junk", stolen]),
            .success(Array(repeating: stolen, count: 100)),
        ]
        for (number, lie) in lies.enumerated() {
            let identity = SPIFFEID(trustDomain: "d", namespace: "n", serviceAccount: "\(number)")
            store.certificate(for: identity, record.note)
            authority.answer(lie)
        }
        #expect(record.results.count == lies.count)
        #expect(record.results.allSatisfy { $0.hasPrefix("the CA") })
        store.certificate(for: Self.web, record.note)
        try authority.answer(as: Self.cart)
        #expect(record.results.last == "the CA certified \(Self.cart) instead of \(Self.web)")
        store.certificate(for: Self.cart, record.note)
        try authority.answer(lifetime: .seconds(-1))
        #expect(record.results.last == "the CA sent a certificate that has expired")
    }

    @Test func `who waits for an identity that is forgotten is told, and the late answer changes nothing`() throws {
        store.certificate(for: Self.web, record.note)
        store.forget(Self.web)
        #expect(record.results == ["the identity is no longer needed"])
        try authority.answer()
        #expect(record.events == ["forgotten"] && store.states().isEmpty)
    }

    @Test func `an identity that nobody needs is found again for ten minutes, and then forgotten`() throws {
        let clock = ManualClock(now: MonotonicClock.now())
        let loop = try EventLoop(clock: clock)
        let store = Self.store(loop, authority, record)
        store.prefetch(Self.web)
        try authority.answer(lifetime: .seconds(86_400))
        for span in [-1, 1].map({ Limits.certificateForgetDuration + .seconds($0) }) {
            store.release(Self.web)
            clock.advance(by: span)
            loop.turn(waitingAtMost: .zero)
            store.certificate(for: Self.web, record.note)
            store.prefetch(Self.web)
        }
        #expect(record.results == ["\(Self.web) 1"] && record.events == ["renewed 1", "forgotten"])
        #expect(authority.identities == [Self.web, Self.web], "and then it is asked for anew")
    }

    @Test func `a certificate of a minute from a CA that dates it back is not asked for again at once`() throws {
        let clock = ManualClock(now: MonotonicClock.now())
        let loop = try EventLoop(clock: clock)
        let store = Self.store(loop, authority, record)
        store.prefetch(Self.web)
        try authority.answer(lifetime: .seconds(60))
        clock.advance(by: .seconds(26))
        loop.turn(waitingAtMost: .zero)
        #expect(authority.calls.isEmpty)
        clock.advance(by: .seconds(5))
        loop.turn(waitingAtMost: .zero)
        #expect(authority.calls.count == 1)
    }

    @Test func `a CA that never answers holds up eight identities and no more calls`() throws {
        for number in 0..<20 {
            store.prefetch(SPIFFEID(trustDomain: "d", namespace: "n", serviceAccount: "\(number)"))
        }
        store.certificate(for: Self.web, record.note)
        #expect(authority.calls.count == 8)
        authority.answer(.failure(CertificateFailure("too late")))
        #expect(authority.identities.last == Self.web, "who waits goes first")
    }
}
