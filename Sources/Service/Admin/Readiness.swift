public import HTTP1
import Synchronization

/// What has to happen before the program is ready, by name. Any thread may tell and ask.
public final class Readiness: Sendable {
    private let tasks = Mutex<Set<String>>([])

    public init() {}

    /// Something to be waited for.
    public func expect(_ task: String) { tasks.withLock { _ = $0.insert(task) } }

    /// It has happened; said again it does no harm.
    public func complete(_ task: String) { tasks.withLock { _ = $0.remove(task) } }

    /// What is still waited for, sorted.
    public var pending: [String] { tasks.withLock { $0.sorted() } }

    /// As a probe sees it (ztunnel).
    public func respond(to request: HTTPRequest) -> HTTPResponse {
        guard request.method == "GET" else { return HTTPResponse(405) }
        let pending = pending
        guard !pending.isEmpty else { return HTTPResponse(200, text: "ready\n") }
        return HTTPResponse(500, text: "not ready, pending: \(pending.joined(separator: ", "))\n")
    }

    /// The path of the probe.
    public static let path = "/healthz/ready"
}
