/// How a call ended.
public struct RPCStatus: Error, Hashable, Sendable {
    /// The codes of gRPC.
    public enum Code: Int, Sendable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case internalError = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    /// Who decided it.
    public enum Origin: Sendable {
        /// The other side said so, in trailers.
        case peer
        /// We did: cancellation, a deadline, a limit.
        case local
        /// The connection could not be made.
        case connect
        /// The connection was lost, or the stream was reset on it.
        case transport
    }

    public let code: Code
    public let message: String
    public let origin: Origin

    public init(_ code: Code, _ message: String = "", origin: Origin = .local) {
        self.code = code
        self.message = message
        self.origin = origin
    }

    public static let ok = RPCStatus(.ok)

    public var isOK: Bool { code == .ok }
}

extension RPCStatus: CustomStringConvertible {
    public var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }
}
