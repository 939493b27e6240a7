import System

/// Where the roots come from by which a control plane is judged.
public enum TrustSource: Equatable, Sendable {
    /// A PEM bundle, read again for each connection.
    case file(String)
    /// The roots of the operating system.
    case system
    /// PEM text.
    case inline([UInt8])

    /// From the form of ztunnel's settings: `SYSTEM`, PEM text, or else a path.
    public init(_ setting: String) {
        if setting == "SYSTEM" {
            self = .system
        } else if setting.contains("-----BEGIN ") {
            self = .inline(Array(setting.utf8))
        } else {
            self = .file(setting)
        }
    }

    /// The roots as they are now; nil for those of the operating system.
    func read() throws(AccessFailure) -> [UInt8]? {
        switch self {
        case .system: return nil
        case .inline(let pem): return pem
        case .file(let path):
            do { return try FileSystem.read(path) } catch {
                throw AccessFailure("cannot read the root certificates in \(path): \(error)")
            }
        }
    }
}
