import Compiler
import Manifests
import System

/// `compile`: prints what node proxies would be told, as JSON, and ends.
enum CompileCommand {
    static func run(_ arguments: Arguments) throws -> [UInt8] {
        let objects = try ManifestFolder.load(arguments.required("manifests"))
        let settings = try Settings.mesh(objects: objects, meshConfig: arguments.optional("mesh-config"))
        return Compiler.compile(objects, settings: settings).json + [0x0a]
    }
}
