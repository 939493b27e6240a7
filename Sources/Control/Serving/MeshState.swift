public import Compiler
public import Manifests
import System

/// One state of the mesh, as the manifests describe it.
public struct MeshState: Sendable {
    public let objects: ManifestSet
    public let settings: MeshSettings
    public let compiled: CompiledResources
    /// Why some of the manifests are refused.
    public let refusals: [ManifestError]
    /// Objects of which an earlier version stays in force.
    public let kept: [ObjectKey]

    /// Reads a folder of manifests. What is refused holds up nothing else: what `known` has of it stays.
    /// - Parameters:
    ///   - meshConfig: the path of a mesh configuration; without one, the ConfigMap among the manifests counts.
    ///   - base: settings where neither says anything.
    ///   - known: the state before; nil at first, when the settings must be good.
    /// - Throws: when the folder, or at first the settings, cannot be read.
    public static func read(
        manifests path: String, meshConfig: String?, base: MeshSettings, known: MeshState?
    ) throws -> MeshState {
        var reading = try ManifestFolder.read(path, known: known?.objects ?? ManifestSet())
        var settings: MeshSettings
        do {
            settings = try Self.settings(reading.objects, meshConfig: meshConfig, base: base)
        } catch {
            guard let known else { throw error }
            settings = known.settings
            reading.refusals.append(
                ManifestError(file: meshConfig ?? "ConfigMap istio", line: nil, reason: "\(error)"))
        }
        return MeshState(
            objects: reading.objects, settings: settings,
            compiled: Compiler.compile(reading.objects, settings: settings), refusals: reading.refusals,
            kept: reading.kept)
    }

    private static func settings(
        _ objects: ManifestSet, meshConfig: String?, base: MeshSettings
    ) throws -> MeshSettings {
        var settings = base
        if let meshConfig {
            try settings.apply(meshConfiguration: try FileSystem.read(meshConfig))
        } else if let text = objects.meshConfigurations[settings.rootNamespace] {
            try settings.apply(meshConfiguration: Array(text.utf8))
        }
        return settings
    }
}
