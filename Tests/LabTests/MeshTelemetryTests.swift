import Lab
import Primitives
import System
import Testing

/// What both ends of a call tell of it. Needs root.
@Suite struct MeshTelemetryTests {
    @Test func `both nodes count a call under the names of its ends, and a refused one as refused`() throws {
        try Shop.run { lab in
            try #expect(Shop.call("10.96.0.30", 9000, from: "web", lab) == "10.10.1.10")
            try #expect(
                Shop.calls([String](repeating: "10.96.0.20:80", count: 8), from: "ledger", lab).allSatisfy { $0 == nil }
            )
            let ends = [
                #"source_workload="web""#, #"source_principal="spiffe://cluster.local/ns/shop/sa/web""#,
                #"destination_workload="ledger""#, #"destination_service="ledger.shop.svc.cluster.local""#,
                #"destination_principal="spiffe://cluster.local/ns/shop/sa/ledger""#,
                #"connection_security_policy="mutual_tls""#, #"response_flags="-""#,
            ]
            for (node, reporter) in [("north", "source"), ("south", "destination")] {
                let words = ends + [#"reporter="\#(reporter)""#]
                let isTold = try Shop.eventually {
                    try Shop.closed(on: node, lab).contains { line in words.allSatisfy(line.contains) }
                }
                #expect(isTold, "\(node)")
            }
            let refused = [#"source_workload="ledger""#, #"destination_app="cart""#, #"response_flags="DENY""#]
            let isTold = try Shop.eventually {
                try ["north", "south"].contains { node in
                    try Shop.closed(on: node, lab).contains { line in refused.allSatisfy(line.contains) }
                }
            }
            #expect(isTold)
        }
    }
}
