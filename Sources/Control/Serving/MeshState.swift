public import Compiler
public import Manifests
import System

/// One state of the mesh, as the manifests describe it.
public struct MeshState: Sendable {
    public let objects: ManifestSet
    public let settings: MeshSettings
    public let compiled: CompiledResources

    /// Reads a folder of manifests.
    /// - Parameters:
    ///   - meshConfig: the path of a mesh configuration; without one, the ConfigMap among the manifests counts.
    ///   - base: settings where neither says anything.
    public static func load(manifests path: String, meshConfig: String?, base: MeshSettings) throws -> MeshState {
        let objects = try ManifestFolder.load(path)
        var settings = base
        if let meshConfig {
            try settings.apply(meshConfiguration: try FileSystem.read(meshConfig))
        } else if let text = objects.meshConfigurations[settings.rootNamespace] {
            try settings.apply(meshConfiguration: Array(text.utf8))
        }
        return MeshState(
            objects: objects, settings: settings, compiled: Compiler.compile(objects, settings: settings))
    }
}
