import Primitives
import System

/// The token by which a control plane knows us.
public enum BearerToken: Equatable, Sendable {
    /// Read again for each request, since it is replaced while we run.
    case file(String)
    case literal(String)

    /// From the form of ztunnel's setting: a path, or else the token. Tokens hold no slash.
    public init(_ setting: String) {
        let isPath = setting.contains("/") || ((try? FileSystem.status(of: setting)) ?? nil) != nil
        self = isPath ? .file(setting) : .literal(setting)
    }

    /// The token as it is now, without white space around it, which would make a header that no server accepts.
    func read() throws(AccessFailure) -> String {
        let text: String
        switch self {
        case .literal(let token): text = token
        case .file(let path):
            do {
                text = String(
                    decoding: try FileSystem.read(path, byteCountMax: Limits.tokenByteCountMax), as: UTF8.self)
            } catch {
                throw AccessFailure("cannot read the token in \(path): \(error)")
            }
        }
        let isVisible = { (character: Character) in ("!"..."~").contains(character) }
        guard let first = text.firstIndex(where: isVisible), let last = text.lastIndex(where: isVisible) else {
            throw AccessFailure("the token is empty")
        }
        let token = text[first...last]
        guard token.allSatisfy(isVisible) else { throw AccessFailure("the token holds characters that no token may") }
        return String(token)
    }
}
