import System

/// Runs programs of the system for the lab.
enum LabShell {
    /// Runs a program to its end, which has to be good; returns what it wrote.
    @discardableResult
    static func run(
        _ words: [String], input: String = "", in namespace: NetworkNamespace? = nil
    ) throws(LabFailure) -> String {
        let result: ChildProcess.Result
        do {
            let body = { () throws(Errno) in try ChildProcess.run(words, input: Array(input.utf8), limit: .seconds(60))
            }
            result = if let namespace { try namespace.perform(body) } else { try body() }
        } catch {
            throw .system(words.joined(separator: " "), error)
        }
        guard result.status.isSuccess else {
            throw .command(words, "\(result.status): \(String(decoding: result.errors.prefix(2048), as: UTF8.self))")
        }
        return String(decoding: result.output, as: UTF8.self)
    }

    /// Opens a namespace by its name.
    static func namespace(_ name: String) throws(LabFailure) -> NetworkNamespace {
        do { return try NetworkNamespace.open(path: "/run/netns/\(name)") } catch {
            throw .system("network namespace \(name)", error)
        }
    }
}
