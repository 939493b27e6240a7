public import EventLoop
import Primitives
import System
public import TLS

/// Keeps the revocation lists of a file in force, and reads them again whenever the file has changed. Lists that cannot
/// be read change nothing, and neither does a file that is gone: the last good ones stay.
public final class RevocationFollower {
    /// What the rest of the node is told.
    public enum Event: Sendable {
        /// These are in force from now on.
        case adopted(RevocationLists)
        /// The file is missing or cannot be understood.
        case refused(reason: String, hasEarlier: Bool)
    }

    private let path: String
    private let register: RevocationRegister
    private let observer: (Event) -> Void
    private var follower: DirectoryFollower?
    /// What was read last: understood or not.
    private var content: [UInt8]?
    /// What a look found that nothing had announced; it may be half of a file that is being written.
    private var suspect: [UInt8]?
    private var refusal: String?
    private var retry: TimerToken?

    /// - Parameters:
    ///   - register: where lists are put in force.
    ///   - observer: called on the loop behind each change.
    public init(path: String, register: RevocationRegister, observer: @escaping (Event) -> Void) {
        self.path = path
        self.register = register
        self.observer = observer
    }

    /// Reads the file and follows from there. Its folder need not be there yet.
    public func start(on loop: EventLoop) {
        // Following begins first: a change while the file is being read is then not missed.
        follower = try? DirectoryFollower(path: FileSystem.parent(of: path) ?? ".", loop: loop) { [weak self] in
            self?.look($0)
        }
        if follower == nil {
            retry = loop.after(Limits.revocationFolderRetryDuration) { [weak self] in self?.start(on: loop) }
        }
        look(.event)
    }

    /// Ends the following; what is in force stays.
    public func stop(on loop: EventLoop) {
        follower?.stop()
        if let retry { loop.cancel(retry) }
    }

    private func look(_ cause: DirectoryFollower.Cause) {
        do {
            let now = try read()
            guard now != content else { return suspect = nil }
            guard cause == .event || now == suspect else { return suspect = now }
            (content, suspect) = (now, nil)
            let lists = try RevocationLists(now)
            refusal = nil
            register.adopt(lists)
            observer(.adopted(lists))
        } catch {
            // It is tried again and again; once is enough to say so.
            guard refusal != "\(error)" else { return }
            refusal = "\(error)"
            observer(.refused(reason: "\(error)", hasEarlier: register.current != nil))
        }
    }

    private func read() throws(Errno) -> [UInt8] {
        do throws(Errno) {
            return try FileSystem.read(path, byteCountMax: Limits.revocationByteCountMax)
        } catch {
            content = nil
            throw error
        }
    }
}

@available(*, unavailable)
extension RevocationFollower: Sendable {}
