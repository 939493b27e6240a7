import Glibc
import Interception
import System

do {
    try AgentProgram.run()
} catch let error as AgentUsageError {
    StandardStream.errors.write("culvert-agent: \(error)\n\(AgentProgram.usage)")
    exit(64)
} catch {
    StandardStream.errors.write("culvert-agent: \(error)\n")
    exit(1)
}
