public import System

/// Why a lab could not be had.
public enum LabFailure: Error, Equatable, Sendable {
    /// A system call failed; what it was for.
    case system(String, Errno)
    /// A program of the system failed; what it said.
    case command([String], String)
    /// The manifests cannot be used.
    case manifests(String)
    /// A program of ours did not become ready, with the end of its log.
    case notReady(program: String, log: String)
    /// There is a lab of this name, or there is none.
    case state(String)
}

extension LabFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let what, let cause): "\(what): \(cause)"
        case .command(let words, let said): "\(words.joined(separator: " ")): \(said)"
        case .manifests(let reason): reason
        case .notReady(let program, let log): "\(program) did not become ready; its log ends:\n\(log)"
        case .state(let reason): reason
        }
    }
}
