import EventLoop
import Primitives
import Wire

/// One name being looked up, in both families at once.
final class HostLookup {
    /// What was found, and how long that may be believed.
    struct Findings {
        var outcome: Result<[IPAddress], ResolutionFailure>
        var duration: Duration
    }

    var waiters: [HostResolver.Completion] = []
    private let name: DNSName
    private let loop: EventLoop
    private var awaited: [DNSType]
    private var found: [Result<DNSMessage.Lookup, ResolutionFailure>] = []
    private var exchanges: [DNSExchange] = []
    private var timer: TimerToken?
    private var completion: ((Findings) -> Void)?

    init(_ name: DNSName, _ types: [DNSType], loop: EventLoop, completion: @escaping (Findings) -> Void) {
        self.name = name
        self.loop = loop
        awaited = types
        self.completion = completion
    }

    /// Asks; the completion is never called from within.
    func start(_ servers: NameServers, _ buffer: DatagramBuffer) {
        for type in awaited { ask(DNSMessage.Question(name, type), over: .udp, servers, buffer) }
    }

    func cancel() {
        completion = nil
        for exchange in exchanges { exchange.cancel() }
        exchanges = []
        if let timer { loop.cancel(timer) }
    }

    private func ask(
        _ question: DNSMessage.Question, over transport: DNSQuery.Transport, _ servers: NameServers,
        _ buffer: DatagramBuffer
    ) {
        let exchange = DNSExchange(
            question, over: transport, to: servers, loop: loop, buffer: buffer, query: question.recursiveQuery
        ) { [weak self] result in
            if case .success(let message) = result, message.header.isTruncated, transport == .udp {
                self?.ask(question, over: .tcp, servers, buffer)
            } else {
                self?.received(result, question)
            }
        }
        exchanges.append(exchange)
        exchange.start()
    }

    private func received(_ result: Result<DNSMessage, ResolutionFailure>, _ question: DNSMessage.Question) {
        guard let index = awaited.firstIndex(of: question.type) else { return }
        awaited.remove(at: index)
        found.append(
            result.flatMap { message in
                message.lookup(question).map { .success($0) } ?? .failure(.refused(message.header.code))
            })
        if awaited.isEmpty {
            finish()
        } else if case .success(let lookup)? = found.last, !lookup.addresses.isEmpty, timer == nil {
            // Nobody waits for long for the other family while there is an address to go to.
            timer = loop.after(Limits.otherFamilyDuration) { [weak self] in self?.finish() }
        }
    }

    private func finish() {
        let completion = completion
        cancel()
        completion?(Findings(found))
    }
}

extension HostLookup.Findings {
    /// What the answers for each family come to. One that failed is made up for by addresses of the other.
    init(_ answers: [Result<DNSMessage.Lookup, ResolutionFailure>]) {
        let lookups = answers.compactMap { try? $0.get() }
        let addresses = lookups.flatMap { $0.addresses.prefix(Limits.resolvedAddressCountMax) }
        if !addresses.isEmpty {
            let seconds = lookups.filter { !$0.addresses.isEmpty }.compactMap(\.timeToLive).min() ?? 0
            self.init(
                outcome: .success(addresses), duration: min(.seconds(seconds), Limits.resolutionDurationMax))
        } else if case .failure(let failure)? = answers.first(where: { (try? $0.get()) == nil }) {
            self.init(outcome: .failure(failure), duration: Limits.failedResolutionDuration)
        } else {
            let duration = lookups.compactMap(\.timeToLive).min().map { Duration.seconds($0) }
            self.init(
                outcome: .success([]),
                duration: min(duration ?? Limits.negativeResolutionDuration, Limits.negativeResolutionDurationMax))
        }
    }
}

extension DNSMessage.Question {
    /// The question as one asks a name server that asks others.
    func recursiveQuery(id: UInt16) -> [UInt8] {
        var header = DNSHeader(id: id)
        header.desiresRecursion = true
        let edns = DNSExtension(datagramByteCount: Limits.nameAnswerByteCountMax)
        return DNSWriter(header, questions: [self], edns: edns).finish()
    }
}
