import Synchronization
import System
import Testing

@testable import NodeProxy

/// A page of metrics as a parser sees it that we did not write.
struct ScrapedMetrics {
    struct Sample {
        let type: Substring
        let name: Substring
        let value: Double
        let labels: [Substring: Substring]
    }

    private(set) var samples: [Sample] = []

    init(_ page: [UInt8]) throws {
        let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }
        let result = try ChildProcess.run(["\(repository)/Tests/peers/metrics"], input: page)
        let errors = String(decoding: result.errors, as: UTF8.self)
        try #require(result.status == .exited(0), "\(errors)")
        for line in String(decoding: result.output, as: UTF8.self).split(separator: "\n") {
            let parts = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard parts[0] != "family", parts.count >= 3 else { continue }
            var labels: [Substring: Substring] = [:]
            for part in parts.dropFirst(3) {
                let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if pair.count == 2 { labels[pair[0]] = pair[1] }
            }
            samples.append(
                Sample(type: parts[0], name: parts[1], value: Double(parts[2]) ?? .nan, labels: labels))
        }
    }

    /// The samples of a name that have all these labels.
    func all(_ name: String, _ labels: [Substring: Substring] = [:]) -> [Sample] {
        samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
    }

    /// The sum of those.
    func sum(_ name: String, _ labels: [Substring: Substring] = [:]) -> Double {
        all(name, labels).reduce(0) { $0 + $1.value }
    }
}

extension TestNode {
    /// What the node's page of metrics says now.
    func scrape() throws -> ScrapedMetrics {
        let page = Mailbag()
        perform { node in node.metrics { page.deliver($0) } }
        return try ScrapedMetrics(try #require(try eventually { page.content }))
    }
}

/// Bytes that another thread leaves.
final class Mailbag: Sendable {
    private let bytes = Mutex<[UInt8]?>(nil)
    func deliver(_ content: [UInt8]) { bytes.withLock { $0 = content } }
    var content: [UInt8]? { bytes.withLock { $0 } }
}
