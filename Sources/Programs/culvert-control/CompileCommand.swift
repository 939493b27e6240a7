import Compiler
import Serving

/// `compile`: prints what node proxies would be told, as JSON, and ends.
enum CompileCommand {
    /// The resources, and why some manifests are refused; what is good is printed all the same.
    static func run(_ arguments: Arguments) throws -> (resources: [UInt8], refusals: [String]) {
        let state = try MeshState.read(
            manifests: arguments.required("manifests"), meshConfig: arguments.optional("mesh-config"),
            base: Settings.fromEnvironment(), known: nil)
        return (state.compiled.json + [0x0a], state.refusals.map(\.description))
    }
}
