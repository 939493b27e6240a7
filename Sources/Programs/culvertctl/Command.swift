import Lab
import System

/// What the command line asks for.
enum Command {
    static let usage = """
        usage: culvertctl lab up [--name NAME] [--bin DIR | --bare] [--proxy NAME=VALUE]... DIR
               culvertctl lab exec [--name NAME] POD -- COMMAND...
               culvertctl lab exec [--name NAME] --node NODE -- COMMAND...
               culvertctl lab exec [--name NAME] --backbone -- COMMAND...
               culvertctl lab list
               culvertctl lab down [--name NAME] [DIR]

        up    makes nodes and pods out of network namespaces from the Kubernetes YAML in DIR, starts the control plane,
              agents and node proxies found in --bin (the folder of culvertctl), and prints the folder of the manifests
              that the lab follows: edit them there; --bare makes the network only, --proxy sets a variable of the
              node proxies
        exec  runs a command in a pod (NAMESPACE/NAME or NAME), in a node's network, or between the nodes
        list  prints the labs that are up
        down  ends everything in a lab and removes it

        A lab is named NAME, or for DIR; where neither is said, the only lab there is.

        """

    static func run(_ words: [String]) throws {
        guard words.first == "lab" else {
            throw UsageError(words.first.map { "unknown command \($0)" } ?? "no command")
        }
        let arguments = try LabArguments(Array(words.dropFirst(2)))
        switch words.dropFirst().first {
        case "up": try up(arguments)
        case "exec": try exec(arguments)
        case "list": for lab in LabFolder.all() { StandardStream.output.write("\(lab.name) \(lab.manifests)\n") }
        case "down": try down(arguments)
        case let other: throw UsageError("unknown command lab \(other ?? "")")
        }
    }

    private static func up(_ arguments: LabArguments) throws {
        guard let manifests = arguments.operands.first, arguments.operands.count == 1 else {
            throw UsageError("up needs a folder of manifests")
        }
        var options = Lab.Options(
            binaries: arguments.isBare ? nil : try arguments.options["--bin"] ?? ownFolder())
        options.proxyEnvironment = arguments.proxyEnvironment
        let folder = try folder(arguments, manifests: manifests)
        try Lab(folder, manifests: manifests, options: options).start()
        StandardStream.output.write("\(folder.manifests)\n")
    }

    private static func exec(_ arguments: LabArguments) throws {
        guard !arguments.command.isEmpty else { throw UsageError("exec needs -- and a command") }
        let folder = try folder(arguments, manifests: nil)
        let entry: [String]
        if arguments.isBackbone {
            entry = ["ip", "netns", "exec", folder.name]
        } else if let node = arguments.options["--node"] {
            entry = ["ip", "netns", "exec", Lab.namespaceName(ofNode: node, in: folder)]
        } else if let pod = arguments.operands.first, arguments.operands.count == 1 {
            entry = try Lab.entry(to: pod, in: folder)
        } else {
            throw UsageError("exec needs a pod, --node NODE or --backbone")
        }
        throw LabFailure.system(entry[0], Processes.become(entry + arguments.command))
    }

    private static func down(_ arguments: LabArguments) throws {
        let folder = try folder(arguments, manifests: arguments.operands.first)
        guard folder.exists else { throw LabFailure.state("there is no lab \(folder.name)") }
        Lab.remove(folder)
    }

    private static func folder(_ arguments: LabArguments, manifests: String?) throws -> LabFolder {
        if let name = arguments.options["--name"] ?? manifests.flatMap(lastComponent) {
            guard let folder = LabFolder(name: name) else {
                throw UsageError("\(name) is no name for a lab: letters, digits and dashes, say --name")
            }
            return folder
        }
        let labs = LabFolder.all()
        guard let only = labs.first else { throw LabFailure.state("no lab is up") }
        guard labs.count == 1 else { throw UsageError("several labs are up; say --name") }
        return only
    }

    private static func lastComponent(_ path: String) -> String? { path.split(separator: "/").last.map(String.init) }

    private static func ownFolder() throws -> String {
        let program = try Processes.ownProgram()
        return program.lastIndex(of: "/").map { String(program[..<$0]) } ?? "."
    }
}

/// Why a command line makes no sense.
struct UsageError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
