public import EventLoop
public import Primitives
import System
import Wire

/// Looks host names up and remembers what it found for as long as the name servers say. A name is asked for once at a
/// time, however many wait for it.
public final class HostResolver {
    /// The addresses of a name, none where it has none, or why that is not known.
    public typealias Completion = (Result<[IPAddress], ResolutionFailure>) -> Void

    private let loop: EventLoop
    private let buffer: DatagramBuffer
    private let types: [DNSType]
    private var servers: NameServers
    private var cache = ResolutionCache(countMax: Limits.resolutionCountMax)
    private var lookups: [String: HostLookup] = [:]

    /// - Parameter families: Those whose addresses are asked for.
    public init(
        loop: EventLoop, servers: NameServers, families: [IPAddress.Family] = [.v4, .v6],
        buffer: DatagramBuffer = DatagramBuffer()
    ) {
        self.loop = loop
        self.servers = servers
        self.buffer = buffer
        types = families.map { $0 == .v4 ? .a : .aaaa }
    }

    /// Whom lookups that begin from now on ask.
    public var configuration: ResolverConfiguration {
        get { servers.configuration }
        set { servers.configuration = newValue }
    }

    /// Looks up `hostname`, to which no search domain is added; an address is its own. `completion` is called at once
    /// when it is known.
    public func resolve(_ hostname: String, _ completion: @escaping Completion) {
        if let address = IPAddress(hostname) { return completion(.success([address])) }
        guard let name = DNSName(hostname), name != .root else { return completion(.failure(.noName)) }
        if let known = cache.outcome(of: hostname, at: loop.now) { return completion(known) }
        if let lookup = lookups[hostname] {
            guard lookup.waiters.count < Limits.resolutionWaiterCountMax else {
                return completion(.failure(.overloaded))
            }
            return lookup.waiters.append(completion)
        }
        guard lookups.count < Limits.resolutionUnderWayCountMax else { return completion(.failure(.overloaded)) }
        let lookup = HostLookup(name, types, loop: loop) { [weak self] found in self?.finish(hostname, found) }
        lookup.waiters = [completion]
        lookups[hostname] = lookup
        lookup.start(servers, buffer)
    }

    /// Ends all lookups; nobody is called back.
    public func stop() {
        for lookup in lookups.values { lookup.cancel() }
        lookups = [:]
    }

    private func finish(_ hostname: String, _ found: HostLookup.Findings) {
        guard let lookup = lookups.removeValue(forKey: hostname) else { return }
        cache.insert(found.outcome, for: hostname, until: loop.now + found.duration, at: loop.now)
        for waiter in lookup.waiters { waiter(found.outcome) }
    }
}

@available(*, unavailable) extension HostResolver: Sendable {}
