import Glibc

let usage = """
    usage: culvert-control --manifests DIR --state DIR [--listen ADDRESS:PORT] [--host NAME]... [--tokens DIR]
                           [--mesh-config FILE] [--log FILTER]
           culvert-control compile [--mesh-config FILE] --manifests DIR

    """

func write(_ bytes: [UInt8], to descriptor: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno != EINTR { return }
        rest = rest.dropFirst(max(0, count))
    }
}

do {
    let arguments = try Arguments(
        Array(CommandLine.arguments.dropFirst()),
        options: ["manifests", "mesh-config", "state", "listen", "host", "tokens", "log"])
    switch arguments.command {
    case "compile":
        let (resources, refusals) = try CompileCommand.run(arguments)
        write(resources, to: STDOUT_FILENO)
        for refusal in refusals { write(Array("culvert-control: \(refusal)\n".utf8), to: STDERR_FILENO) }
        exit(refusals.isEmpty ? 0 : 1)
    case nil: try ServeCommand.run(arguments)
    case let other?: throw UsageError("unknown command \(other)")
    }
} catch let error as UsageError {
    write(Array("culvert-control: \(error)\n\(usage)".utf8), to: STDERR_FILENO)
    exit(64)
} catch {
    write(Array("culvert-control: \(error)\n".utf8), to: STDERR_FILENO)
    exit(1)
}
