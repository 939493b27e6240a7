import Compiler
import Glibc

/// The mesh settings that the environment gives, under the names that Istio has for them.
enum Settings {
    static func fromEnvironment() -> MeshSettings {
        var settings = MeshSettings()
        settings.sendsDryRunPolicies = isOn("AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY")
        return settings
    }

    private static func isOn(_ name: String) -> Bool {
        guard let value = unsafe getenv(name) else { return false }
        return ["1", "t", "true"].contains(unsafe String(cString: value).lowercased())
    }
}
