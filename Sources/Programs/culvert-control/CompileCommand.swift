import Compiler
import Serving

/// `compile`: prints what node proxies would be told, as JSON, and ends.
enum CompileCommand {
    static func run(_ arguments: Arguments) throws -> [UInt8] {
        let state = try MeshState.load(
            manifests: arguments.required("manifests"), meshConfig: arguments.optional("mesh-config"),
            base: Settings.fromEnvironment())
        return state.compiled.json + [0x0a]
    }
}
