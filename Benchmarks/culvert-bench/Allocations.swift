import CCounting
import EventLoop
import Identity
import Primitives
import Synchronization
import System
import TLS

/// Counts what either end of a tunnel allocates, retains and releases. Each end has a thread of its own; the client and
/// the application share the calling one, and are not counted.
final class Allocations {
    private enum Ledger: Int32 { case opener, accepter, coldOpener }
    /// Longer than a tunnel of the cold opener stays, and the turn of its timer.
    private static let pause = Duration.milliseconds(8)
    private static let chunkByteCount = 64 * 1024
    private static let loopback = Endpoint(IPAddress(v4: 0x7f00_0001), port: 0)

    private let rounds: Int
    private let loop: EventLoop
    private let server: Server
    private let warm: Endpoint
    private let cold: Endpoint
    /// Their connections stay open: an end is not among what is counted for a chunk.
    private var pingPongs: [PingPong] = []
    private var lines: [String] = []

    init(rounds: Int, loop: EventLoop) throws {
        self.rounds = rounds
        self.loop = loop
        try Counting.begin()
        server = try Server(on: Self.loopback, loop: loop)
        guard let application = server.endpoint else { throw LoadFailure(description: "no address") }
        let authority = try CertificateAuthority.makeRoot(organization: "culvert-bench", now: WallClock.now())
            .authority
        let (web, cart) = (Self.identity("web"), Self.identity("cart"))
        let accepting = try Self.credentials(cart, authority)
        let accepter = try Self.start("accepter", .accepter) { loop in
            let accepter = try TunnelAccepter(
                on: Self.loopback, application: application, credentials: accepting, loop: loop)
            return (accepter, accepter.endpoint)
        }
        let opening = try Self.credentials(web, authority)
        let route = TunnelOpener.Route(
            source: web, expected: cart, peer: accepter, authority: application.description)
        warm = try Self.start("opener", .opener) { loop in
            let opener = try TunnelOpener(on: Self.loopback, route: route, credentials: opening, loop: loop)
            return (opener, opener.endpoint)
        }
        cold = try Self.start("cold", .coldOpener) { loop in
            let opener = try TunnelOpener(
                on: Self.loopback, route: route, credentials: opening, idleDuration: .milliseconds(1), loop: loop)
            return (opener, opener.endpoint)
        }
    }

    /// Measures everything; a JSON object.
    func run() throws -> String {
        for byteCount in [64, 16384] {
            // A round is a chunk each way.
            try report("chunk_\(byteCount)", per: 2 * rounds) { try pingPong(byteCount, $0) }
        }
        for direction in [Bulk.Direction.upload, .download] {
            try report("\(direction)_\(Self.chunkByteCount)", per: rounds) { try bulk(direction, $0) }
        }
        let streamCount = max(rounds / 10, 10)
        let stream = try counts(.opener) { try connect(to: warm, streamCount) }.map { $0 / streamCount }
        add("stream", stream)
        let tunnelCount = max(rounds / 100, 10)
        let tunnel = try counts(.coldOpener) { try connect(to: cold, tunnelCount, pause: Self.pause) }
        // The stream on it is counted above.
        add("tunnel", zip(tunnel, stream).map { $0 / tunnelCount - $1 })
        return "{\(lines.joined(separator: ",\n"))}"
    }

    // MARK: Counting

    /// What `rounds` of a load cost beyond what one costs, which has the making of its connection in it.
    private func report(_ name: String, per divisor: Int, _ load: (Int) throws -> Void) throws {
        try load(rounds)
        let one = try counts(.opener) { try load(1) }
        let all = try counts(.opener) { try load(rounds + 1) }
        add(name, zip(all, one).map { ($0 - $1) / divisor })
    }

    private func add(_ name: String, _ counts: [Counts]) {
        for (end, count) in zip(["opener", "accepter"], counts) { lines.append("\"\(name)_\(end)\": \(count)") }
    }

    /// What the opener and the accepter did while `body` ran, and until they were at rest.
    private func counts(_ opener: Ledger, _ body: () throws -> Void) throws -> [Counts] {
        let ledgers = [opener.rawValue, Ledger.accepter.rawValue]
        try settle()
        let earlier = ledgers.map { Counts(ledger: $0) }
        try body()
        try settle()
        return zip(ledgers, earlier).map { Counts(ledger: $0) - $1 }
    }

    private func settle() throws {
        let end = MonotonicClock.now() + .milliseconds(50)
        try turn { MonotonicClock.now() > end ? nil : "" }
    }

    // MARK: Loads

    private func pingPong(_ byteCount: Int, _ rounds: Int) throws {
        let load = try PingPong(
            to: warm, byteCount: byteCount, rounds: rounds, warmUpRounds: 0, seconds: 60, loop: loop)
        pingPongs.append(load)
        try turn { load.histogram.count == rounds ? nil : load.failure ?? "" }
    }

    private func bulk(_ direction: Bulk.Direction, _ chunkCount: Int) throws {
        let load = try Bulk(
            to: warm, direction, flows: 1, byteCountPerFlow: chunkCount * Self.chunkByteCount, loop: loop)
        try turn { load.elapsed > .zero ? nil : load.failure ?? "" }
    }

    private func connect(to endpoint: Endpoint, _ total: Int, pause: Duration? = nil) throws {
        let load = try Connections(to: [endpoint], total: total, atOnce: 1, pause: pause, loop: loop)
        try turn { load.elapsed > .zero ? nil : load.failure ?? "" }
    }

    /// Turns the loop until there is nothing `missing`; what is missing is a failure unless it is empty.
    private func turn(until missing: () -> String?) throws {
        while let failure = missing() {
            guard failure.isEmpty else { throw LoadFailure(description: failure) }
            loop.turn(waitingAtMost: .milliseconds(5))
        }
    }

    // MARK: Ends

    private static func identity(_ account: String) -> SPIFFEID {
        SPIFFEID(trustDomain: "cluster.local", namespace: "bench", serviceAccount: account)
    }

    private static func credentials(_ identity: SPIFFEID, _ authority: CertificateAuthority) throws -> TLSCredentials {
        let key = try PrivateKey.generateP256()
        let template = CertificateTemplate.workload(
            uri: identity.description, lifetime: .seconds(3600), now: WallClock.now())
        return try TLSCredentials(chain: authority.issue(template, for: key), key: key, roots: authority.facts.pem)
    }

    /// Where one thread tells another how it fared.
    private final class Outcome: Sendable {
        let value = Mutex<Result<Endpoint, LoadFailure>?>(nil)
    }

    /// Makes one end on a thread of its own, which is counted; where it listens.
    private static func start(
        _ name: String, _ ledger: Ledger, _ make: @escaping @Sendable (EventLoop) throws -> (AnyObject, Endpoint?)
    ) throws -> Endpoint {
        let outcome = Outcome()
        Thread.start(named: name) {
            do {
                let loop = try EventLoop()
                let (end, endpoint) = try make(loop)
                guard let endpoint else { throw LoadFailure(description: "\(name) has no address") }
                outcome.value.withLock { $0 = .success(endpoint) }
                culvert_count_in(ledger.rawValue)
                loop.run()
                withExtendedLifetime(end) {}
            } catch {
                outcome.value.withLock { $0 = .failure(LoadFailure(description: "\(error)")) }
            }
        }
        while true {
            if let result = outcome.value.withLock({ $0 }) { return try result.get() }
            Thread.sleep(.milliseconds(1))
        }
    }
}
