import ControlPlane
import Mesh
import Primitives
import RPC
import Schema
import Testing

@testable import Discovery

@Suite struct DiscoveryClientTests {
    @Test func `a stream subscribes, applies what comes and acknowledges it`() throws {
        let plane = try FakeControlPlane()
        defer { plane.stop() }
        plane.start(
            node: NodeDescription.node(
                address: "10.0.0.2", podName: "ztunnel-abcde", podNamespace: "istio-system", nodeName: "n1"))
        #expect(plane.turn(until: { plane.requests.count == 2 }))
        #expect(plane.requests.map(\.typeURL) == [Messages.addressURL, Messages.authorizationURL])
        #expect(
            plane.requests.first?.node?.id
                == "ztunnel~10.0.0.2~ztunnel-abcde.istio-system~istio-system.svc.cluster.local")
        #expect(plane.requests.first?.node?.metadata?.string("NODE_NAME") == "n1")
        #expect(plane.metadata.contains(HTTPField("authorization", "Bearer token")))

        let workload = Messages.workload("a") { $0.node = "n1" }
        plane.send(Messages.addresses([workload], nonce: "n1"))
        #expect(plane.turn(until: { plane.requests.count == 3 }))
        #expect(plane.requests.last?.responseNonce == "n1")
        #expect(plane.requests.last?.errorDetail == nil)
        #expect(plane.client?.state.workload(uid: "a") != nil)
        #expect(plane.updates.last?.localWorkloads.map(\.uid) == ["a"])
        #expect(plane.receivedByteCount == workload.resource?.value.count)
        #expect(plane.readyCount == 0)

        plane.send(Messages.authorizations([], nonce: "n2"))
        #expect(plane.turn(until: { plane.requests.count == 4 }))
        #expect(plane.readyCount == 1)
        plane.send(Messages.addresses([Messages.workload("b") { $0.addresses = [[1]] }], nonce: "n3"))
        #expect(plane.turn(until: { plane.requests.count == 5 }))
        #expect(plane.requests.last?.errorDetail?.message == "b: failed to parse address, had 1 bytes")
        #expect(plane.readyCount == 1)
    }

    @Test func `after an end the next stream tells what is held and the state stays`() throws {
        let plane = try FakeControlPlane()
        defer { plane.stop() }
        plane.start()
        #expect(plane.turn(until: { plane.streams.count == 1 }))
        plane.send(Messages.addresses([Messages.workload("a")]))
        #expect(plane.turn(until: { plane.requests.count == 3 }))
        plane.streams.last?.finish(RPCStatus(.unavailable, "transport is closing"))
        #expect(plane.turn(until: { plane.requests.count == 5 }))
        #expect(plane.requests[3].initialResourceVersions == ["a": "v-a"])
        #expect(plane.requests[3].node != nil)
        #expect(plane.client?.state.workload(uid: "a") != nil)
        #expect(plane.terminations == [.reconnect])
        plane.send(Messages.addresses([], removing: ["a"]))
        #expect(plane.turn(until: { plane.requests.count == 6 }))
        #expect(plane.client?.state.workloadCount == 0)
    }

    @Test func `a server that refuses at once is tried again, and not in a tight loop`() throws {
        let plane = try FakeControlPlane()
        defer { plane.stop() }
        plane.server.admit = { _ in RPCStatus(.unauthenticated, "no") }
        plane.start()
        plane.turn(until: { false }, limit: .milliseconds(400))
        #expect((2...6).contains(plane.terminations.count))
        #expect(plane.terminations.allSatisfy { $0 == .connectionError })
        plane.server.admit = { _ in nil }
        #expect(plane.turn(until: { plane.requests.count == 2 }))
    }

    @Test func `streams that end without a word as soon as they began are no tight loop either`() throws {
        let plane = try FakeControlPlane()
        defer { plane.stop() }
        plane.start()
        for count in 1...4 {
            #expect(plane.turn(until: { plane.streams.count == count }))
            plane.send(Messages.addresses([]))
            plane.streams.last?.finish()
        }
        #expect(plane.turn(until: { plane.terminations.count == 4 }))
        let before = plane.streams.count
        plane.turn(until: { false }, limit: .milliseconds(30))
        #expect(plane.streams.count == before)
        #expect(plane.terminations.allSatisfy { $0 == .complete })
    }

    @Test func `a stopped client leaves and does not come back`() throws {
        let plane = try FakeControlPlane()
        defer { plane.stop() }
        plane.start()
        #expect(plane.turn(until: { plane.requests.count == 2 }))
        plane.client?.stop()
        plane.turn(until: { false }, limit: .milliseconds(100))
        #expect(plane.streams.count == 1)
        #expect(plane.server.connectionCount == 0)
        #expect(plane.terminations.isEmpty)
    }

    @Test func `trust that cannot be had is tried for again`() throws {
        let plane = try FakeControlPlane()
        defer { plane.stop() }
        var access = plane.access
        access.trust = .file("/nonexistent/root.pem")
        plane.start(access: access)
        #expect(plane.turn(until: { plane.terminations.count >= 3 }))
        #expect(plane.terminations.allSatisfy { $0 == .connectionError })
        #expect(plane.streams.isEmpty)
    }
}
