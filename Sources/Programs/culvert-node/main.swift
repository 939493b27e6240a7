import Glibc
import NodeProxy
import Telemetry

let usage = """
    usage: culvert-node [proxy]     run the node proxy; settings come from the environment, as ztunnel's do
           culvert-node version     print the version
           culvert-node help        print this

    """

/// The environment as a dictionary; of a name that comes twice the first value counts.
func environment() -> [String: String] {
    var variables: [String: String] = [:]
    var next = unsafe environ
    while let entry = unsafe next.pointee {
        let text = unsafe String(cString: entry)
        if let sign = text.firstIndex(of: "=") {
            let name = String(text[..<sign])
            if variables[name] == nil { variables[name] = String(text[text.index(after: sign)...]) }
        }
        unsafe next += 1
    }
    return variables
}

/// Writes to standard error.
func complain(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe write(STDERR_FILENO, bytes, bytes.count)
}

let words = CommandLine.arguments.dropFirst()
switch words.count > 1 ? nil : words.first ?? "proxy" {
case "proxy":
    do {
        var configuration = try NodeConfiguration(
            environment: environment(), processorCount: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        try configuration.adoptCompliance()
        configuration.tryKernelTLS()
        try NodeService(configuration: configuration).run()
    } catch {
        complain("culvert-node: \(error)\n")
        exit(1)
    }
case "version": print("culvert-node \(NodeConfiguration.version)")
case "help", "--help", "-h": print(usage, terminator: "")
default:
    complain(usage)
    exit(1)
}
