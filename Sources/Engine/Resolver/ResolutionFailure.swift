public import System
public import Wire

/// Why a name could not be looked up.
public enum ResolutionFailure: Error, Hashable, Sendable {
    /// There is nobody to ask.
    case noServer
    /// No server answered in time; the last error of the kernel, if there was one.
    case unanswered(Errno?)
    /// The servers answered that they failed, or will not.
    case refused(DNSHeader.Code)
    /// The text is no host name.
    case noName
    /// Too many lookups are under way.
    case overloaded
}

extension ResolutionFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noServer: "there is no name server"
        case .unanswered(nil): "no name server answered"
        case .unanswered(let failure?): "no name server answered: \(failure)"
        case .refused(let code): "the name server answered \(code)"
        case .noName: "this is no host name"
        case .overloaded: "too many names are being looked up"
        }
    }
}
