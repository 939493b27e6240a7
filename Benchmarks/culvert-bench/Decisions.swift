import CCounting
import Discovery
import Identity
import Mesh
import Policy
import Primitives
import Schema
import System
import Wire

/// Times decisions on a mesh that came as a control plane sends it, and updates of it as they come over the wire, and
/// weighs what is kept. Whom a decision concerns is random; the versions before an update are still held, as workers
/// hold them.
struct Decisions {
    private static let turnCount = 200_000
    private static let updateCount = 2000
    private static let batchCount = 10_000
    private static let sampleCount = 1 << 14
    private static let addressType = "type.googleapis.com/istio.workload.Address"
    private static let policyType = "type.googleapis.com/istio.security.Authorization"

    private let mesh: SyntheticMesh
    private var random = Draw(1)
    private var store = ResourceStore(
        settings: MeshSettings(network: SyntheticMesh.network, node: SyntheticMesh.node(0)), node: Schema.Node())
    private var fields: [String] = []

    init(workloadCount: Int, policyCount: Int) {
        mesh = SyntheticMesh(workloadCount: workloadCount, policyCount: policyCount)
    }

    /// Measures everything; a JSON object.
    mutating func run() throws -> String {
        try load()
        try routes()
        try admissions()
        try policies()
        try update("workload_update", Self.addressType) { mesh, number in
            mesh.workload(number % mesh.workloadCount, version: 1 + number)
        }
        try update("policy_update", Self.policyType) { mesh, number in
            mesh.policy(number % mesh.policyCount, version: 1 + number)
        }
        return "{\(fields.joined(separator: ",\n"))}"
    }

    // MARK: Loading

    private mutating func load() throws {
        var elapsed = Duration.zero
        let mesh = mesh
        let services = try load(Self.addressType, mesh.serviceCount, &elapsed) { mesh.service($0) }
        let workloads = try load(Self.addressType, mesh.workloadCount, &elapsed) { mesh.workload($0) }
        let policies = try load(Self.policyType, mesh.policyCount, &elapsed) { mesh.policy($0) }
        guard store.isReady, store.state.workloadCount == mesh.workloadCount else {
            throw LoadFailure(description: "not everything was taken")
        }
        fields.append("\"bytes_per_service\": \(services)")
        fields.append("\"bytes_per_workload\": \(workloads)")
        fields.append("\"bytes_per_policy\": \(policies)")
        fields.append("\"load_ns\": \(elapsed.nanoseconds)")
    }

    /// Applies `count` resources; what each of them takes up.
    private mutating func load(
        _ type: String, _ count: Int, _ elapsed: inout Duration, _ make: (Int) -> Resource
    ) throws -> UInt64 {
        let before = culvert_allocated_byte_count()
        for start in stride(from: 0, to: count, by: Self.batchCount) {
            let message = response(type, (start..<min(start + Self.batchCount, count)).map(make))
            let begin = MonotonicClock.now()
            _ = try apply(message)
            elapsed += MonotonicClock.now() - begin
        }
        return (culvert_allocated_byte_count() - before) / UInt64(max(count, 1))
    }

    private func response(_ type: String, _ resources: [Resource]) -> [UInt8] {
        var response = DeltaDiscoveryResponse()
        response.typeURL = type
        response.resources = resources
        return response.protobuf()
    }

    private mutating func apply(_ message: [UInt8]) throws -> DiscoveryUpdate {
        let outcome = store.apply(try DeltaDiscoveryMessage(message))
        if let detail = outcome.reply.errorDetail { throw LoadFailure(description: detail.message) }
        return outcome.update
    }

    // MARK: Decisions

    private mutating func routes() throws {
        let state = store.state
        let sources = try localWorkloads(of: state)
        var pods: [Endpoint] = []
        var services: [Endpoint] = []
        for _ in 0..<Self.sampleCount {
            pods.append(Endpoint(mesh.address(ofWorkload: drawWorkload()), port: SyntheticMesh.port))
            services.append(
                Endpoint(
                    mesh.address(ofService: mesh.serviceNumber(ofWorkload: drawWorkload())),
                    port: SyntheticMesh.servicePort))
        }
        for (name, destinations) in [("route_to_service", services), ("route_to_pod", pods)] {
            var tunnelled = 0
            let count = time(name) { turn in
                let source = sources[turn % sources.count]
                let route = state.route(
                    from: source, at: source.addresses[0], to: destinations[turn % Self.sampleCount],
                    random: UInt64(turn))
                if case .tunnel = route { tunnelled += 1 }
            }
            fields.append("\"\(name)_tunnelled\": \(Double(tunnelled) / Double(count))")
        }
    }

    private mutating func admissions() throws {
        let state = store.state
        let targets = try localWorkloads(of: state)
        let authorities = targets.map { "\($0.addresses[0]):\(SyntheticMesh.port)" }
        var admitted = 0
        var failure: Authority.Failure?
        let count = time("admit") { turn in
            let number = turn % targets.count
            do throws(Authority.Failure) {
                let authority = try Authority(authorities[number])
                let admission = state.admit(
                    authority, at: targets[number].addresses[0], for: targets[number], forwardedHost: nil)
                if case .admitted(let target) = admission, target.service != nil { admitted += 1 }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        fields.append("\"admit_admitted\": \(Double(admitted) / Double(count))")
    }

    /// Anyone calls a workload; every second one is of the namespace that has the most policies.
    private mutating func policies() throws {
        let state = store.state
        var calls: [(target: Mesh.Workload, source: IPAddress, identity: SPIFFEID, destination: Endpoint)] = []
        for number in 0..<Self.sampleCount {
            let client = drawWorkload()
            var server = drawWorkload()
            while number % 2 == 0, mesh.namespace(ofWorkload: server) != SyntheticMesh.namespace(0) {
                server = drawWorkload()
            }
            guard let target = state.workload(uid: mesh.uid(ofWorkload: server)) else { continue }
            calls.append(
                (
                    target, mesh.address(ofWorkload: client), mesh.identity(ofWorkload: client),
                    Endpoint(mesh.address(ofWorkload: server), port: SyntheticMesh.port + UInt16(number % 5))
                ))
        }
        var allowed = 0
        let count = time("policy") { turn in
            let call = calls[turn % calls.count]
            let context = PolicyContext(
                source: call.source, identity: call.identity, destination: call.destination)
            if state.policies(for: call.target).decide(context).isAllowed { allowed += 1 }
        }
        fields.append("\"policy_allowed\": \(Double(allowed) / Double(count))")
    }

    /// The workloads of the node.
    private func localWorkloads(of state: MeshState) throws -> [Mesh.Workload] {
        let workloads = (0..<min(SyntheticMesh.workloadsPerNode, mesh.workloadCount)).compactMap {
            state.workload(uid: mesh.uid(ofWorkload: $0))
        }
        guard !workloads.isEmpty else { throw LoadFailure(description: "no workload was found") }
        return workloads
    }

    private mutating func drawWorkload() -> Int { Int(random.next() % UInt64(mesh.workloadCount)) }

    /// - Returns: how often `body` was called, the first times included.
    private mutating func time(_ name: String, _ body: (Int) -> Void) -> Int {
        let first = turns(Self.turnCount / 10, body)
        let begin = MonotonicClock.now()
        let count = turns(Self.turnCount, body)
        add(name, MonotonicClock.now() - begin, count)
        return first + count
    }

    /// Calls `body` so often, or until a few seconds have passed.
    private func turns(_ most: Int, _ body: (Int) -> Void) -> Int {
        let limit = MonotonicClock.now() + .seconds(5)
        for turn in 0..<most {
            if turn % 64 == 63, MonotonicClock.now() > limit { return turn }
            body(turn)
        }
        return most
    }

    // MARK: Updates

    private mutating func update(_ name: String, _ type: String, _ make: (SyntheticMesh, Int) -> Resource) throws {
        let messages = (0..<Self.updateCount).map { _ in response(type, [make(mesh, Int(random.next() >> 16))]) }
        var held = store.state
        let begin = MonotonicClock.now()
        for message in messages { held = try apply(message).state }
        add(name, MonotonicClock.now() - begin, Self.updateCount)
        withExtendedLifetime(held) {}
    }

    private mutating func add(_ name: String, _ elapsed: Duration, _ count: Int) {
        fields.append("\"\(name)\": {\"mean_ns\": \(Double(elapsed.nanoseconds) / Double(count))}")
    }
}
