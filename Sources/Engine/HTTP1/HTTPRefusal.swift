/// Why a request is not served; the connection ends after the answer.
public enum HTTPRefusal: Error, Equatable, Sendable {
    case malformed
    /// The method needs a body that is announced by `content-length`; other ways are not understood.
    case lengthRequired
    case bodyTooLarge
    case headTooLarge
    case versionNotSupported

    public var status: Int {
        switch self {
        case .malformed: 400
        case .lengthRequired: 411
        case .bodyTooLarge: 413
        case .headTooLarge: 431
        case .versionNotSupported: 505
        }
    }
}
