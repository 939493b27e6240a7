import Glibc
import Lab
import System

do {
    try Command.run(Array(CommandLine.arguments.dropFirst()))
} catch let error as UsageError {
    StandardStream.errors.write("culvertctl: \(error)\n\(Command.usage)")
    exit(64)
} catch {
    StandardStream.errors.write("culvertctl: \(error)\n")
    exit(1)
}
