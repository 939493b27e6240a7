import Compiler
import EventLoop
import Interception
import Manifests
import System
import Telemetry

/// The wiring of `culvert-agent`.
enum AgentProgram {
    static let usage = """
        usage: culvert-agent --manifests DIR --node NAME [--socket PATH]

        Enrols the pods of node NAME that the Kubernetes YAML in DIR describes, each in the network namespace that its
        annotation culvert.io/netns names, and serves them to the node proxy on PATH (/var/run/ztunnel/ztunnel.sock).

        environment, with defaults:
          AMBIENT_DNS_CAPTURE=false                       capture name lookups too; the node proxy must answer them
          AMBIENT_RECONCILE_POD_RULES_ON_STARTUP=true     replace rules of the mesh that differ
          IPV6_ENABLED=true                               write IPv6 rules
          HOST_PROBE_SNAT_IP, HOST_PROBE_SNAT_IPV6        where the node's own probes come from

        """

    static func run() throws {
        let settings = try AgentSettings(
            arguments: Array(CommandLine.arguments.dropFirst()), environment: Processes.environment)
        let loop = try EventLoop()
        let signals = try SignalFollower([SignalQueue.terminate, SignalQueue.interrupt], loop: loop)
        signals.received = { _ in loop.stop() }
        let log = try Logger()
        let network = PodNetwork(
            families: settings.families, probeSource: settings.probeSource, reconciles: settings.reconciles)
        let agent = try about(settings.socketPath) { () throws(Errno) in
            let folder = settings.socketPath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            if folder.count > 1 { try FileSystem.makeDirectory(folder.joined(separator: "/"), mode: 0o755) }
            return try NodeAgent(loop: loop, socketPath: settings.socketPath, network: network, log: log)
        }
        let follower = try about(settings.manifests) { () throws(Errno) in
            try follow(settings, with: agent, loop: loop, log: log)
        }
        withExtendedLifetime((follower, agent)) { loop.run() }
        signals.stop()
        log.log(.info, "agent", "shutdown, pods stay as they are")
        log.flush()
    }

    private static func follow(
        _ settings: AgentSettings, with agent: NodeAgent, loop: EventLoop, log: Logger
    ) throws(Errno) -> ManifestFollower {
        var refusals = RefusalLedger()
        return try ManifestFollower(loop: loop, path: settings.manifests) { reading in
            do {
                let reading = try reading.get()
                for refusal in refusals.note(reading.refusals).new {
                    log.log(.error, "agent", "manifest refused", [.text("error", refusal.description)])
                }
                agent.apply(try desiredPods(in: reading.objects, settings))
            } catch {
                log.log(.error, "agent", "manifests refused, the last good ones hold", [.text("error", "\(error)")])
            }
        }
    }

    /// Says what a system call failed about.
    private static func about<R>(_ path: String, _ body: () throws(Errno) -> R) throws(StartFailure) -> R {
        do { return try body() } catch { throw StartFailure(path: path, cause: error) }
    }

    private static func desiredPods(in objects: ManifestSet, _ settings: AgentSettings) throws -> DesiredPods {
        var mesh = MeshSettings()
        if let text = objects.meshConfigurations[mesh.rootNamespace] {
            try mesh.apply(meshConfiguration: Array(text.utf8))
        }
        return DesiredPods(
            in: objects, node: settings.node, settings: mesh, capturesDNSByDefault: settings.capturesDNS)
    }
}

/// Why the agent could not begin.
struct StartFailure: Error, CustomStringConvertible {
    let path: String
    let cause: Errno

    var description: String { "\(path): \(cause)" }
}
