import Glibc
import System
import Testing

/// Envoy in a pod that no node serves, as the gateway of a network or as a waypoint.
final class Envoy {
    private let process: ChildProcess
    private let namespace: String

    /// - Parameters:
    ///   - words: the role and what it needs, as `Tests/peers/envoy` takes them.
    ///   - account: whose certificate it shows.
    init(_ words: [String], in pod: String, as account: String, of world: World) throws {
        world.issue(account)
        namespace = "\(world.prefix)-\(pod)"
        let script = "\(Istiod.Checkout.repository)/Tests/peers/envoy"
        let rest = ["--listen", "0.0.0.0:15008", "--certificates", world.istiod.folder, "--name", account]
        process = try world.spawn([script] + words + rest, in: pod)
        #expect(world.wait { statistics("server.live").hasSuffix(": 1\n") }, "Envoy did not start")
    }

    deinit { _ = try? process.stop(within: .zero) }

    /// How many requests have come out of tunnels so far.
    var requestCount: Int { Int(statistics("http.inbound.downstream_rq_total").filter(\.isNumber)) ?? -1 }

    private func statistics(_ name: String) -> String {
        let filter = name.replacing(".", with: "[.]")
        let result = try? ChildProcess.run(
            ["ip", "netns", "exec", namespace, "curl", "-sg", "http://127.0.0.1:15000/stats?filter=^\(filter)$"])
        return String(decoding: result?.output ?? [], as: UTF8.self)
    }
}
