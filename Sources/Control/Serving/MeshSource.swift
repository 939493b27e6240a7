public import Compiler
public import EventLoop
import Manifests
import System
public import Telemetry

/// Follows a folder of manifests and tells of each new state. A broken manifest changes nothing about its object and
/// holds up no other: its last good version stays, and the log says what is wrong and where.
public final class MeshSource {
    private let path: String
    private let meshConfigPath: String?
    private let base: MeshSettings
    private let logger: Logger
    private let changed: (MeshState) -> Void
    private var follower: DirectoryFollower?
    private var fingerprint: ManifestFolder.Fingerprint = [:]
    private var meshConfigStatus: FileSystem.Status?
    private var state: MeshState?
    private var refusals = RefusalLedger()
    private var failure: String?

    /// - Parameters:
    ///   - meshConfig: the path of a mesh configuration; without one, the ConfigMap among the manifests counts.
    ///   - base: settings where neither says anything.
    public init(
        manifests path: String, meshConfig: String?, base: MeshSettings, logger: Logger,
        changed: @escaping (MeshState) -> Void
    ) {
        self.path = path
        meshConfigPath = meshConfig
        self.base = base
        self.logger = logger
        self.changed = changed
    }

    /// Reads the first state, and follows from there.
    /// - Throws: when the folder or the mesh's settings cannot be read.
    public func start(on loop: EventLoop) throws {
        // Following begins first: a change while the folder is being read is then not missed.
        follower = try DirectoryFollower(path: path, loop: loop) { [weak self] cause in self?.look(cause) }
        remember()
        try adopt()
    }

    /// Ends the following.
    public func stop() { follower?.stop() }

    private func adopt() throws {
        let next = try MeshState.read(manifests: path, meshConfig: meshConfigPath, base: base, known: state)
        state = next
        let (new, over) = refusals.note(next.refusals)
        for refusal in new {
            logger.log(.error, "manifests", "manifest refused", [.text("error", refusal.description)])
        }
        for refusal in over { logger.log(.info, "manifests", "no longer refused", [.text("was", refusal.description)]) }
        changed(next)
    }

    private func look(_ cause: DirectoryFollower.Cause) {
        let hasChanged = remember()
        guard hasChanged || cause == .event else { return }
        do {
            try adopt()
            if failure != nil { logger.log(.info, "manifests", "manifests can be read again") }
            failure = nil
        } catch {
            // A folder that cannot be read is looked at again and again; once is enough to say so.
            let reason = "\(error)"
            if reason != failure {
                logger.log(
                    .error, "manifests", "manifests cannot be read, the last good state holds",
                    [.text("error", reason)])
            }
            failure = reason
        }
    }

    /// Notes how the files look now; whether that is new.
    @discardableResult
    private func remember() -> Bool {
        let now = ManifestFolder.fingerprint(path)
        let status = meshConfigPath.flatMap { try? FileSystem.status(of: $0) }
        defer { (fingerprint, meshConfigStatus) = (now, status) }
        return now != fingerprint || status != meshConfigStatus
    }
}
