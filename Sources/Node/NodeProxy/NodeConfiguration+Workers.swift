extension NodeConfiguration {
    /// ztunnel's rule: what is asked for; else with a limit of processors that many, and otherwise a quarter of them,
    /// at least two.
    /// - Parameter concurrency: what ProxyConfig asks for; 0 means one for each processor.
    static func workerCount(
        _ reader: EnvironmentReader, processorCount: Int, concurrency: Int?
    ) throws(ConfigurationError) -> Int {
        let limit = try reader.processors("ZTUNNEL_RESOURCE_CPU_LIMIT")
        let request = try reader.processors("ZTUNNEL_RESOURCE_CPU_REQUEST") ?? 0
        let override = try reader.processors("ZTUNNEL_CPU_LIMIT")
        let processors = limit ?? override ?? processorCount
        if let text = reader.text("ZTUNNEL_WORKER_THREADS") {
            if text.hasSuffix("%"), let share = Int(text.dropLast()), (0...1000).contains(share) {
                return max(1, (processors * share + 99) / 100)
            }
            guard let count = Int(text), (0...1024).contains(count) else {
                throw ConfigurationError(
                    variable: "ZTUNNEL_WORKER_THREADS", reason: "\"\(text)\" is neither a number nor a percentage")
            }
            return count == 0 ? max(1, processors) : count
        }
        if let concurrency { return concurrency == 0 ? max(1, processors) : concurrency }
        return limit.map { max(1, $0, request) } ?? max((processors + 3) / 4, request, 2)
    }
}
