public import Primitives
import System

/// The folder of a running lab: what it was made of, and what its programs keep.
public struct LabFolder: Equatable, Sendable {
    /// Where the folders of all labs are.
    public static let parent = "/run/culvert-lab"

    public let name: String

    /// Nil for a name that is not fit for network namespaces and paths: 1 to 32 small letters, digits and dashes,
    /// with a letter first.
    public init?(name: String) {
        let isLetter = { (byte: UInt8) in (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
        let isPlain = { (byte: UInt8) in
            isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
        }
        guard (1...32).contains(name.utf8.count), name.utf8.first.map(isLetter) ?? false,
            name.utf8.allSatisfy(isPlain)
        else { return nil }
        self.name = name
    }

    public var path: String { "\(Self.parent)/\(name)" }
    /// The manifests that the control plane and the agents follow; editing them changes the lab.
    public var manifests: String { "\(path)/manifests" }
    /// What the control plane keeps.
    public var state: String { "\(path)/control" }
    public var rootCertificate: String { "\(state)/root-cert.pem" }
    /// Where the control plane listens, on the backbone.
    public var controlEndpoint: Endpoint { Endpoint(LabPlan.controlAddress, port: 15012) }

    /// The token by which the control plane knows a node.
    public func token(of node: String) -> String { "\(state)/tokens/\(node)" }
    /// Where the agent of a node serves its node proxy.
    public func socket(of node: String) -> String { "\(path)/\(node).sock" }
    /// What a program has said: `control`, `agent-NODE` or `node-NODE`.
    public func log(of program: String) -> String { "\(path)/log/\(program).log" }

    var namespaceList: String { "\(path)/namespaces" }
    var podList: String { "\(path)/pods" }
    var processList: String { "\(path)/pids" }

    /// Whether there is a lab of this name.
    public var exists: Bool { ((try? FileSystem.status(of: path)) ?? nil) != nil }

    /// The labs that are up.
    public static func all() -> [LabFolder] {
        ((try? FileSystem.entries(of: parent)) ?? []).compactMap { LabFolder(name: $0) }
    }

    func make() throws(LabFailure) {
        guard !exists else { throw .state("lab \(name) is up already; take it down first") }
        for folder in [path, manifests, "\(path)/log"] {
            do { try FileSystem.makeDirectory(folder, mode: 0o755) } catch { throw .system(folder, error) }
        }
    }

    func remove() { _ = try? LabShell.run(["rm", "-rf", path]) }

    func write(_ text: String, to file: String) throws(LabFailure) {
        do { try FileSystem.write(Array(text.utf8), to: file, mode: 0o644) } catch { throw .system(file, error) }
    }

    /// The lines of a file of the folder.
    func lines(of file: String) throws(LabFailure) -> [String] {
        do {
            return String(decoding: try FileSystem.read(file), as: UTF8.self).split(separator: "\n").map(String.init)
        } catch {
            throw .system(file, error)
        }
    }

    /// The last lines of a program's log.
    func logEnd(of program: String) -> String {
        ((try? lines(of: log(of: program))) ?? []).suffix(20).joined(separator: "\n")
    }
}
