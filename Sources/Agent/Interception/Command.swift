import System

/// A program of the system with its arguments, run inside a network namespace.
struct Command: Equatable, Sendable {
    let words: [String]

    static func ip(_ arguments: [String]) -> Command { Command(words: ["ip"] + arguments) }

    /// Runs it; failing is for the caller to judge.
    func result(in namespace: NetworkNamespace, input: [UInt8] = []) throws(CommandFailure) -> ChildProcess.Result {
        do {
            return try namespace.perform { () throws(Errno) in try ChildProcess.run(words, input: input) }
        } catch {
            throw CommandFailure(command: words, reason: error.description)
        }
    }

    /// Runs it; it must succeed.
    @discardableResult
    func run(in namespace: NetworkNamespace, input: [UInt8] = []) throws(CommandFailure) -> ChildProcess.Result {
        let result = try result(in: namespace, input: input)
        guard result.status.isSuccess else { throw CommandFailure(self, result) }
        return result
    }
}

/// A program of the system that could not be run, or did not do what was asked.
public struct CommandFailure: Error, Equatable, Sendable, CustomStringConvertible {
    public let command: [String]
    /// What it said, or why it did not run.
    public let reason: String

    init(command: [String], reason: String) {
        self.command = command
        self.reason = reason
    }

    init(_ command: Command, _ result: ChildProcess.Result) {
        let said = String(decoding: result.errors.prefix(1024), as: UTF8.self)
            .split(separator: "\n").joined(separator: "; ")
        self.init(command: command.words, reason: said.isEmpty ? "\(result.status)" : "\(result.status): \(said)")
    }

    public var description: String { "\(command.joined(separator: " ")): \(reason)" }
}
