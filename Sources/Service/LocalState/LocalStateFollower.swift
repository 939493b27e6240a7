public import EventLoop
import Primitives
public import Schema
import System
public import Telemetry
import YAML

/// Where an operator writes down resources for a node.
public enum LocalSource: Equatable, Sendable {
    /// The text of a document.
    case inline(String)
    /// The path of one, which may change.
    case file(String)

    /// The variable of ztunnel's that it comes from.
    public var variable: String {
        switch self {
        case .inline: "LOCAL_XDS"
        case .file: "LOCAL_XDS_PATH"
        }
    }
}

/// Reads a document of local resources, and again whenever its file has changed. One that is not understood changes
/// nothing: the last good one holds, and the log says what is wrong and where.
public final class LocalStateFollower {
    private let source: LocalSource
    private let logger: Logger
    private let changed: ([DeltaDiscoveryResponse]) -> Void
    private var resources = LocalResources()
    private var follower: DirectoryFollower?
    private var text: [UInt8]?
    private var refusal: String?

    /// - Parameter changed: told what leads from one state to the next, in the form of responses without nonces.
    public init(_ source: LocalSource, logger: Logger, changed: @escaping ([DeltaDiscoveryResponse]) -> Void) {
        self.source = source
        self.logger = logger
        self.changed = changed
    }

    /// Reads the first state, which must be good, and follows from there.
    public func start(on loop: EventLoop) throws {
        if case .file(let path) = source {
            // Following begins first: a change while the file is being read is then not missed.
            let folder = FileSystem.parent(of: path) ?? "."
            follower = try DirectoryFollower(path: folder, loop: loop) { [weak self] _ in self?.look() }
        }
        try adopt(try read())
    }

    private func read() throws(Errno) -> [UInt8] {
        switch source {
        case .inline(let text): Array(text.utf8)
        case .file(let path): try FileSystem.read(path, byteCountMax: Limits.yamlByteCountMax)
        }
    }

    private func adopt(_ text: [UInt8]) throws(YAMLError) {
        self.text = text
        let next = try LocalResources(yaml: text)
        let responses = next.responses(since: resources)
        resources = next
        guard !responses.isEmpty else { return }
        changed(responses)
    }

    private func look() {
        do {
            let now = try read()
            guard now != text else { return }
            try adopt(now)
            refusal = nil
            logger.log(
                .info, Self.scope, "local resources",
                [
                    .bare("addresses", resources.addresses.count),
                    .bare("authorizations", resources.authorizations.count),
                ])
        } catch {
            // A file that cannot be read is tried again and again; once is enough to say so.
            guard refusal != "\(error)" else { return }
            refusal = "\(error)"
            logger.log(
                .error, Self.scope, "local resources refused, the last good ones hold", [.text("error", "\(error)")])
        }
    }

    private static let scope = "state_manager::local"
}

@available(*, unavailable) extension LocalStateFollower: Sendable {}
