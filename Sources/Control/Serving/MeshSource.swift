public import Compiler
public import EventLoop
import Manifests
import System
public import Telemetry

/// Follows a folder of manifests and tells of each new state. A folder with a broken manifest changes nothing: the
/// last good state holds, and the log says what is wrong and where.
public final class MeshSource {
    private let path: String
    private let meshConfigPath: String?
    private let base: MeshSettings
    private let logger: Logger
    private let changed: (MeshState) -> Void
    private var follower: DirectoryFollower?
    private var fingerprint: ManifestFolder.Fingerprint = [:]
    private var meshConfigStatus: FileSystem.Status?
    private var refusal: String?

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

    /// Reads the first state, which must be good, and follows from there.
    public func start(on loop: EventLoop) throws {
        // Following begins first: a change while the folder is being read is then not missed.
        follower = try DirectoryFollower(path: path, loop: loop) { [weak self] cause in self?.look(cause) }
        remember()
        changed(try load())
    }

    /// Ends the following.
    public func stop() { follower?.stop() }

    private func load() throws -> MeshState {
        try MeshState.load(manifests: path, meshConfig: meshConfigPath, base: base)
    }

    private func look(_ cause: DirectoryFollower.Cause) {
        let hasChanged = remember()
        guard hasChanged || cause == .event else { return }
        do {
            let state = try load()
            if refusal != nil { logger.log(.info, "manifests", "manifests are good again") }
            refusal = nil
            changed(state)
        } catch {
            // A broken folder is looked at again and again; once is enough to say so.
            let reason = "\(error)"
            if reason != refusal {
                logger.log(
                    .error, "manifests", "manifests refused, the last good state holds", [.text("error", reason)])
            }
            refusal = reason
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
