import Compiler
import Manifests
import Primitives
public import System

/// A cluster on one machine: nodes and pods out of network namespaces, made from Kubernetes manifests, with a control
/// plane and on each node an agent and a node proxy. Needs root, iproute2 and iptables.
public final class Lab {
    /// What may be chosen.
    public struct Options: Sendable {
        /// The folder with `culvert-control`, `culvert-agent` and `culvert-node`; nil for a lab with nothing but the
        /// network.
        public var binaries: String?
        /// Variables for node proxies beside, or instead of, the lab's own.
        public var proxyEnvironment: [String: String] = [:]
        /// Variables for agents.
        public var agentEnvironment: [String: String] = [:]
        /// How long each program has to become ready.
        public var readinessTimeMax = Duration.seconds(30)

        public init(binaries: String?) { self.binaries = binaries }
    }

    public let folder: LabFolder
    private let source: String
    private let options: Options
    private var plan: LabPlan?
    /// What was started in pods.
    private var children: [ChildProcess] = []
    private var programs: [String: ChildProcess] = [:]

    /// A lab to be made from the manifests in `manifests`.
    public init(_ folder: LabFolder, manifests: String, options: Options) {
        self.folder = folder
        source = manifests
        self.options = options
    }

    // MARK: Up and down

    /// Makes everything and waits until every node proxy is ready. When that fails, nothing stays.
    public func start() throws(LabFailure) {
        try folder.make()
        do throws(LabFailure) {
            let plan = try makePlan()
            self.plan = plan
            try record(plan)
            try LabNetwork.create(plan.namespaces.map(\.name))
            try LabNetwork.build(plan)
            try writeHosts(plan)
            if let binaries = options.binaries { try startPrograms(plan, binaries) }
        } catch {
            stop()
            throw error
        }
    }

    /// Ends every program in the lab and removes it.
    public func stop() {
        // What was started a moment ago may not have entered its namespace yet, and would be overlooked there.
        for child in children { child.send(signal: Processes.terminate) }
        Self.remove(folder)
        for child in children + programs.values { _ = try? child.stop(within: .seconds(1)) }
        children.removeAll()
        programs.removeAll()
    }

    /// Takes down a lab that anyone has made.
    public static func remove(_ folder: LabFolder) {
        LabNetwork.remove((try? folder.lines(of: folder.namespaceList)) ?? [])
        folder.remove()
    }

    // MARK: Inside

    /// The network namespace of a pod, named `NAMESPACE/NAME` or, if that is clear, `NAME`.
    public func namespace(of pod: String) throws(LabFailure) -> NetworkNamespace {
        try LabShell.namespace(try Self.namespaceName(of: pod, in: folder))
    }

    /// The network namespace of a node.
    public func namespace(ofNode node: String) throws(LabFailure) -> NetworkNamespace {
        try LabShell.namespace(Self.namespaceName(ofNode: node, in: folder))
    }

    /// The network namespace between the nodes, which is outside every pod.
    public func backbone() throws(LabFailure) -> NetworkNamespace { try LabShell.namespace(folder.name) }

    /// A program of the lab itself: `control`, `agent-NODE` or `node-NODE`.
    public func program(_ name: String) -> ChildProcess? { programs[name] }

    /// Runs a program in a pod to its end.
    public func run(
        _ words: [String], in pod: String, input: [UInt8] = [], limit: Duration = .seconds(30)
    ) throws(LabFailure) -> ChildProcess.Result {
        let words = try Self.entry(to: pod, in: folder) + words
        do { return try ChildProcess.run(words, input: input, limit: limit) } catch {
            throw .system(words.joined(separator: " "), error)
        }
    }

    /// Starts a program in a pod; it ends with the lab at the latest.
    public func spawn(
        _ words: [String], in pod: String, options: ChildProcess.Options = .init()
    ) throws(LabFailure) -> ChildProcess {
        let words = try Self.entry(to: pod, in: folder) + words
        do {
            let child = try ChildProcess.spawn(words, options: options)
            children.append(child)
            return child
        } catch {
            throw .system(words.joined(separator: " "), error)
        }
    }

    /// The words before a command that make it run in a pod, with the pod's own hosts file.
    public static func entry(to pod: String, in folder: LabFolder) throws(LabFailure) -> [String] {
        ["ip", "netns", "exec", try namespaceName(of: pod, in: folder)]
    }

    /// The name of a pod's network namespace.
    public static func namespaceName(of pod: String, in folder: LabFolder) throws(LabFailure) -> String {
        let found = try folder.lines(of: folder.podList).compactMap { line -> String? in
            let words = line.split(separator: " ")
            guard words.count == 2 else { return nil }
            return words[0] == pod || words[0].hasSuffix("/\(pod)") ? String(words[1]) : nil
        }
        guard let only = found.first else { throw .state("there is no pod \(pod) in lab \(folder.name)") }
        guard found.count == 1 else { throw .state("pod \(pod) is in several namespaces; write NAMESPACE/\(pod)") }
        return only
    }

    /// The name of a node's network namespace.
    public static func namespaceName(ofNode node: String, in folder: LabFolder) -> String { "\(folder.name)-\(node)" }
}

// MARK: Making

extension Lab {
    /// Copies the manifests with their network namespaces written in, and plans from the copy what the control plane
    /// will see.
    private func makePlan() throws(LabFailure) -> LabPlan {
        let objects = try loadManifests(source)
        let names = LabPlan(lab: folder.name, topology: Self.topology(of: objects))
        let places = Dictionary(
            names.topology.pods.filter { !$0.isOnHostNetwork }.map {
                ($0.path, "/run/netns/\(names.namespace(of: $0))")
            }
        ) { first, _ in first }
        do {
            for file in try FileSystem.entries(of: source)
            where [".yaml", ".yml", ".json"].contains(where: file.hasSuffix) {
                let text = String(decoding: try FileSystem.read("\(source)/\(file)"), as: UTF8.self)
                let annotated = try NamespaceAnnotation.annotate(text, file: file) { places[$0.description] }
                try FileSystem.write(Array(annotated.utf8), to: "\(folder.manifests)/\(file)", mode: 0o644)
            }
        } catch let failure as LabFailure {
            throw failure
        } catch {
            throw .manifests("\(source): \(error)")
        }
        return LabPlan(lab: folder.name, topology: Self.topology(of: try loadManifests(folder.manifests)))
    }

    private func loadManifests(_ path: String) throws(LabFailure) -> ManifestSet {
        do { return try ManifestFolder.load(path) } catch { throw .manifests(error.description) }
    }

    private static func topology(of objects: ManifestSet) -> LabTopology {
        LabTopology(Compiler.compile(objects, settings: MeshSettings()).addresses.values)
    }

    /// Written before anything is made, so that whatever happens it can be found and removed.
    private func record(_ plan: LabPlan) throws(LabFailure) {
        guard !plan.topology.pods.isEmpty else {
            throw .manifests("\(source): no pod has both a node and an address")
        }
        try folder.write(plan.namespaces.map { "\($0.name)\n" }.joined(), to: folder.namespaceList)
        let pods = plan.topology.pods.map { "\($0.path) \(plan.namespace(of: $0))\n" }
        try folder.write(pods.joined(), to: folder.podList)
    }

    private func writeHosts(_ plan: LabPlan) throws(LabFailure) {
        for pod in plan.topology.pods where !pod.isOnHostNetwork {
            let path = "/etc/netns/\(plan.namespace(of: pod))"
            do { try FileSystem.makeDirectory(path, mode: 0o755) } catch { throw .system(path, error) }
            try folder.write(plan.hosts(for: pod), to: "\(path)/hosts")
            // There is no name server; without one named, programs learn that at once.
            try folder.write("# see /etc/hosts\n", to: "\(path)/resolv.conf")
        }
    }

    // MARK: Programs

    private func startPrograms(_ plan: LabPlan, _ binaries: String) throws(LabFailure) {
        let control = LabProgram.control(folder, binaries: binaries)
        let controlPort = folder.controlEndpoint.port
        try wait(for: control, try start(control), port: controlPort, at: folder.controlEndpoint.address, path: nil)
        for node in plan.topology.nodes {
            let namespace = plan.namespace(ofNode: node)
            _ = try start(
                .agent(node, folder, namespace: namespace, binaries: binaries), overrides: options.agentEnvironment)
        }
        var proxies: [(LabProgram, ChildProcess)] = []
        for (index, node) in plan.topology.nodes.enumerated() {
            let program = LabProgram.proxy(
                node, address: LabPlan.nodeAddress(index, .v4), folder, namespace: plan.namespace(ofNode: node),
                binaries: binaries)
            proxies.append((program, try start(program, overrides: options.proxyEnvironment)))
        }
        for (program, child) in proxies {
            try wait(for: program, child, port: 15021, at: IPAddress(v4: 0x7f00_0001), path: "/healthz/ready")
        }
    }

    private func start(
        _ program: LabProgram, overrides: [String: String] = [:]
    ) throws(LabFailure) -> ChildProcess {
        let child = try program.start(folder, overrides: overrides)
        programs[program.name] = child
        let known = (try? folder.lines(of: folder.processList)) ?? []
        let lines = known + ["\(program.name) \(child.identifier)"]
        try folder.write(lines.map { "\($0)\n" }.joined(), to: folder.processList)
        return child
    }

    private func wait(
        for program: LabProgram, _ child: ChildProcess, port: UInt16, at address: IPAddress, path: String?
    ) throws(LabFailure) {
        let namespace = try LabShell.namespace(program.namespace)
        let probe = ReadinessProbe(namespace: namespace, endpoint: Endpoint(address, port: port), path: path)
        let hasEnded = { (try? child.wait(atMost: .zero)) ?? nil }
        guard probe.wait(atMost: options.readinessTimeMax, unless: { hasEnded() != nil }) else {
            throw .notReady(program: program.name, log: folder.logEnd(of: program.name))
        }
    }
}
