public import System

/// A directory of manifests: every file that ends in `.yaml`, `.yml` or `.json` and does not begin with a dot.
public enum ManifestFolder {
    /// What tells one state of the directory from the next without reading files.
    public typealias Fingerprint = [String: FileSystem.Status]

    /// Reads all objects. One bad document fails the whole, and each one is named.
    public static func load(_ path: String) throws(ManifestFailure) -> ManifestSet {
        let reading = try read(path, known: ManifestSet())
        guard reading.refusals.isEmpty else { throw ManifestFailure(errors: reading.refusals) }
        return reading.objects
    }

    /// Reads all objects that are good. A bad document holds up no other: what `known` has of its object stays, and
    /// where it cannot be read whose document it is, whatever `known` has from its file and is nowhere else.
    /// - Throws: when the directory cannot be read.
    public static func read(_ path: String, known: ManifestSet) throws(ManifestFailure) -> ManifestReading {
        let names: [String]
        do throws(Errno) { names = try manifestNames(path) } catch {
            throw ManifestFailure(errors: [ManifestError(file: path, line: nil, reason: error.description)])
        }
        var reading = ManifestReading()
        for name in names {
            let file = "\(path)/\(name)"
            do throws(ManifestError) {
                reading.refusals += reading.objects.addGood(try read(file), file: file)
            } catch {
                reading.refusals.append(error)
            }
        }
        // Only now, since an object may have moved to another file.
        for refusal in reading.refusals {
            let keys = refusal.object.map { [$0] } ?? known.keys(from: refusal.file)
            reading.kept += keys.filter { reading.objects.keep($0, from: known) }
        }
        return reading
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

/// Why a directory of manifests is refused: one error for each bad document.
public struct ManifestFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public var errors: [ManifestError]

    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
