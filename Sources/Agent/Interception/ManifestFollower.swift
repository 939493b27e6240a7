public import EventLoop
public import Manifests
import Primitives
public import System

/// Reads a directory of manifests, and again after each change. A broken manifest holds up no other, and its last good
/// version stays.
public final class ManifestFollower: EventHandler {
    private let loop: EventLoop
    private let path: String
    private let watcher: DirectoryWatcher
    private let deliver: (Result<ManifestReading, ManifestFailure>) -> Void
    private var known = ManifestSet()
    private var registration: Registration?
    private var isReadScheduled = false

    /// Delivers the state of now, and each later one, to `deliver` on the loop.
    public init(
        loop: EventLoop, path: String, deliver: @escaping (Result<ManifestReading, ManifestFailure>) -> Void
    ) throws(Errno) {
        self.loop = loop
        self.path = path
        self.deliver = deliver
        watcher = try DirectoryWatcher(path: path)
        registration = try loop.register(watcher.descriptor, for: .readable, handler: self)
        read()
    }

    /// Something changed in the directory, or near it.
    public func ready(_ events: ReadyEvents) {
        guard (try? watcher.drain()) ?? true, !isReadScheduled else { return }
        isReadScheduled = true
        // A file that is being copied, or one of several, makes more changes right away.
        loop.after(Limits.manifestSettlingTime) { [weak self] in
            guard let self else { return }
            isReadScheduled = false
            read()
        }
    }

    private func read() {
        let reading = Result { () throws(ManifestFailure) in try ManifestFolder.read(path, known: known) }
        if case .success(let reading) = reading { known = reading.objects }
        deliver(reading)
    }
}
