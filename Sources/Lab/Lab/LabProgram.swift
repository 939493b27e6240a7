import Primitives
import System

/// A program of ours that runs in a lab.
struct LabProgram {
    /// What the log and the list of processes call it.
    let name: String
    let words: [String]
    /// The network namespace that it runs in.
    let namespace: String
    let environment: [String: String]

    /// The control plane, on the backbone.
    static func control(_ lab: LabFolder, binaries: String) -> LabProgram {
        LabProgram(
            name: "control",
            words: [
                "\(binaries)/culvert-control", "--manifests", lab.manifests, "--state", lab.state,
                "--listen", lab.controlEndpoint.description,
            ],
            namespace: lab.name, environment: [:])
    }

    /// The agent of a node.
    static func agent(_ node: String, _ lab: LabFolder, namespace: String, binaries: String) -> LabProgram {
        LabProgram(
            name: "agent-\(node)",
            words: [
                "\(binaries)/culvert-agent", "--manifests", lab.manifests, "--node", node,
                "--socket", lab.socket(of: node),
            ],
            namespace: namespace, environment: [:])
    }

    /// The node proxy of a node, under the environment of a ztunnel.
    static func proxy(
        _ node: String, address: IPAddress, _ lab: LabFolder, namespace: String, binaries: String
    ) -> LabProgram {
        LabProgram(
            name: "node-\(node)", words: ["\(binaries)/culvert-node"], namespace: namespace,
            environment: [
                "XDS_ADDRESS": "https://\(lab.controlEndpoint)", "CA_ADDRESS": "https://\(lab.controlEndpoint)",
                "XDS_ROOT_CA": lab.rootCertificate, "CA_ROOT_CA": lab.rootCertificate,
                "AUTH_TOKEN": lab.token(of: node), "NODE_NAME": node, "INPOD_UDS": lab.socket(of: node),
                "POD_NAME": "culvert-node-\(node)", "POD_NAMESPACE": "istio-system",
                "INSTANCE_IP": address.description,
            ])
    }

    /// Starts the program in its namespace, in a session of its own; what it says goes to its log.
    func start(_ lab: LabFolder, overrides: [String: String]) throws(LabFailure) -> ChildProcess {
        var options = ChildProcess.Options()
        options.output = .appending(path: lab.log(of: name))
        options.errors = options.output
        options.startsSession = true
        var variables = environment.merging(overrides) { _, override in override }
        variables["PATH"] = Processes.environment["PATH"]
        options.environment = variables.map { "\($0)=\($1)" }.sorted()
        let namespace = try LabShell.namespace(namespace)
        do {
            return try namespace.perform { () throws(Errno) in try ChildProcess.spawn(words, options: options) }
        } catch {
            throw .system(words[0], error)
        }
    }
}
