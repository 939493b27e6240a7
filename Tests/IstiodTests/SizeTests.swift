import Primitives
import System
import Testing

/// A control plane that says very much, or too much. Needs root.
@Suite(.enabled(if: Istiod.Checkout.isPrepared, "no peers: run Tests/peers/prepare"))
struct SizeTests {
    private static let resources = [
        "culvert_mesh_resources{kind=\"workload\"} 100000", "culvert_mesh_resources{kind=\"service\"} 10000",
        "culvert_mesh_resources{kind=\"policy\"} 1000",
    ]

    @Test func `a hundred thousand resources and messages of 200 MiB are borne in bounded memory`() throws {
        let node = try LoneNode()
        let istiod = node.istiod
        istiod.tell("many", #""workloads": 100000, "services": 10000, "policies": 1000"#)
        // Slow enough for the log to tell of it.
        istiod.tell("gate", #""delay": 0.05"#)
        try node.start()
        #expect(node.wait(atMost: .seconds(120)) { istiod.count("ack") == 2 })
        istiod.tell("gate", #""delay": 0"#)
        #expect(try node.metrics("culvert_mesh_resources") == Self.resources)
        let first = try node.memory("VmHWM")
        #expect(first < 320, "\(first) MiB")
        try checkProgress(node)

        // The next stream tells what is held, and is sent only what has changed.
        istiod.tell("end")
        #expect(node.wait(atMost: .seconds(30)) { !istiod.all("request", "\"held\": 110000").isEmpty })
        #expect(node.wait(atMost: .seconds(30)) { istiod.count("ack") == 4 })
        #expect(istiod.all("response").suffix(2).allSatisfy { $0.contains("\"resources\": 0,") })

        // A resource of zeros is none.
        istiod.tell("put", #""type": "address", "resources": [{"name": "zeros", "hex": "", "zeros": 157286400}]"#)
        #expect(node.wait(atMost: .seconds(60)) { istiod.count("nack") == 1 })
        #expect(istiod.all("nack").first?.contains("zeros: decode") == true, "\(istiod.all("nack"))")
        let refused = try node.memory("VmHWM")
        #expect(refused < 700, "\(refused) MiB")
        istiod.tell("remove", #""type": "address", "names": ["zeros"]"#)

        // A message above the limit costs the stream and nothing else, and is not asked for in a tight loop.
        let streams = istiod.count("stream")
        istiod.tell("put", #""type": "address", "resources": [{"name": "flood", "hex": "", "zeros": 220200960}]"#)
        #expect(node.wait(atMost: .seconds(60)) { node.lines("exceeds the limit of 209715200").count > 1 })
        #expect(try node.memory("VmHWM") <= refused + 50)
        #expect(istiod.count("stream") - streams < 20)
        #expect(try node.metrics("culvert_mesh_resources") == Self.resources, "the last good state stays")
        istiod.tell("remove", #""type": "address", "names": ["flood", "c//Pod/shop/w7"]"#)
        #expect(
            try node.wait(atMost: .seconds(60)) { try node.metrics("culvert_mesh_resources")[0].hasSuffix(" 99999") })
        // What it took is given back.
        #expect(try node.wait(atMost: .seconds(30)) { try node.memory("VmRSS") < first + 20 }, "\(first) MiB")
    }

    /// The log has told of the load while it went on, and how long it took.
    private func checkProgress(_ node: LoneNode) throws {
        func value(_ key: String, _ line: Substring) throws -> Int {
            let rest = try #require(line.split(separator: "\(key)=").last)
            return try #require(Int(rest.prefix { $0.isNumber }))
        }
        let progress = node.lines("first state of the mesh is being loaded")
        let bytes = try progress.map { try value("bytes", $0) }
        #expect(bytes.count >= 2 && bytes == bytes.sorted() && Set(bytes).count > 1, "\(progress)")
        let end = try #require(node.lines("first state of the mesh is complete").first)
        for text in ["workloads=100000", "services=10000", "policies=1000", "connected=true"] {
            #expect(end.contains(text), "\(end)")
        }
        #expect(try value("bytes", end) > 10_000_000 && value("elapsed", end) > 1000, "\(end)")
        #expect(node.lines("first state of the mesh is complete").count == 1)
    }
}
