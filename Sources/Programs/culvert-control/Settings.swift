import Compiler
import Glibc
import Manifests
import System

/// The mesh settings out of what the operator gives: environment, mesh configuration file, or else the ConfigMap
/// among the manifests.
enum Settings {
    static func mesh(objects: ManifestSet, meshConfig: String?) throws -> MeshSettings {
        var settings = MeshSettings()
        settings.sendsDryRunPolicies = isOn("AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY")
        if let meshConfig {
            try settings.apply(meshConfiguration: try FileSystem.read(meshConfig))
        } else if let text = objects.meshConfigurations[settings.rootNamespace] {
            try settings.apply(meshConfiguration: Array(text.utf8))
        }
        return settings
    }

    private static func isOn(_ name: String) -> Bool {
        guard let value = unsafe getenv(name) else { return false }
        return ["1", "t", "true"].contains(unsafe String(cString: value).lowercased())
    }
}
