public import System

/// A directory of manifests: every file that ends in `.yaml`, `.yml` or `.json` and does not begin with a dot.
public enum ManifestFolder {
    /// What tells one state of the directory from the next without reading files.
    public typealias Fingerprint = [String: FileSystem.Status]

    /// Reads all objects. One bad file fails the whole, and each bad file is named.
    public static func load(_ path: String) throws(ManifestFailure) -> ManifestSet {
        var objects = ManifestSet()
        var errors: [ManifestError] = []
        do throws(Errno) {
            for name in try manifestNames(path) {
                let file = "\(path)/\(name)"
                do throws(ManifestError) {
                    try objects.add(try read(file), file: file)
                } catch {
                    errors.append(error)
                }
            }
        } catch {
            errors.append(ManifestError(file: path, line: nil, reason: error.description))
        }
        guard errors.isEmpty else { throw ManifestFailure(errors: errors) }
        return objects
    }

    /// The fingerprint of the directory as it is now; empty when it cannot be read.
    public static func fingerprint(_ path: String) -> Fingerprint {
        var result: Fingerprint = [:]
        for name in (try? manifestNames(path)) ?? [] { result[name] = try? FileSystem.status(of: "\(path)/\(name)") }
        return result
    }

    private static func read(_ file: String) throws(ManifestError) -> [UInt8] {
        do throws(Errno) {
            return try FileSystem.read(file)
        } catch {
            throw ManifestError(file: file, line: nil, reason: error.description)
        }
    }

    private static func manifestNames(_ path: String) throws(Errno) -> [String] {
        try FileSystem.entries(of: path).filter { name in
            !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains { name.hasSuffix($0) }
        }
    }
}

/// Why a directory of manifests is refused: one error for each bad file.
public struct ManifestFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public var errors: [ManifestError]

    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
