import Primitives
import System
import Testing

/// A folder for one test's files, and a network namespace in which programs have all ports to themselves.
final class Place {
    let folder: String
    private let namespace: String
    private var children: [ChildProcess] = []

    init() throws {
        let number = String(Entropy.uint64() % 1_000_000_000)
        namespace = "cvp\(number)"
        folder = "/tmp/culvert-programs-\(number)"
        try FileSystem.makeDirectory(folder, mode: 0o755)
        _ = try ChildProcess.run(["ip", "netns", "add", namespace])
        _ = try ChildProcess.run(["ip", "-n", namespace, "link", "set", "lo", "up"])
    }

    deinit {
        for child in children { _ = try? child.stop() }
        _ = try? ChildProcess.run(["ip", "netns", "del", namespace])
        _ = try? ChildProcess.run(["rm", "-rf", folder])
    }

    func write(_ name: String, _ text: String) throws {
        try FileSystem.write(Array(text.utf8), to: "\(folder)/\(name)", mode: 0o644)
    }

    func text(_ name: String) -> String {
        String(decoding: (try? FileSystem.read("\(folder)/\(name)")) ?? [], as: UTF8.self)
    }

    /// Starts a program here; what it says goes to the file `log`.
    func start(_ arguments: [String], _ environment: [String] = [], log: String = "log") throws -> ChildProcess {
        var options = ChildProcess.Options()
        options.output = .appending(path: "\(folder)/\(log)")
        options.errors = .appending(path: "\(folder)/\(log)")
        options.environment = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] + environment
        let child = try ChildProcess.spawn(
            ["ip", "netns", "exec", namespace, "env", "--chdir", folder] + arguments, options: options)
        children.append(child)
        return child
    }

    /// What a command prints.
    func run(_ arguments: [String]) throws -> String {
        let result = try ChildProcess.run(["ip", "netns", "exec", namespace] + arguments)
        return String(decoding: result.output, as: UTF8.self)
    }
}

/// One of our programs, beside the tests' own.
func program(_ name: String) throws -> String {
    let own = try Processes.ownProgram()
    return own.prefix(upTo: try #require(own.lastIndex(of: "/"))) + "/\(name)"
}

/// Asks until the answer is yes, for at most ten seconds.
func eventually(_ body: () throws -> Bool) throws -> Bool {
    for _ in 0..<200 {
        if try body() { return true }
        Processes.pause(.milliseconds(50))
    }
    return false
}
