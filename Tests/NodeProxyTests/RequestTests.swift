import Glibc
import Mesh
import Primitives
import System
import Testing
import Wire

@testable import NodeProxy

/// The contract's example of a request to a pod, as an HTTP/2 that we did not write sees it (A.1).
@Suite(.serialized) struct RequestTests {
    @Test func `a call of a service is the example's request, field by field`() throws {
        let node = try TestNode(enrolling: ["web"])
        let peer = try HBONEPeer.server(in: node.cart, of: node)
        let key = NamespacedHostname(namespace: "shop", hostname: "cart.shop.svc.cluster.local")
        let vip = Endpoint(IPAddress(v4: 0x0a60_0005), port: 80)
        node.publish {
            $0.insert(
                Workload(
                    uid: node.web.workload.uid, name: "web", namespace: "shop", serviceAccount: "web",
                    addresses: [node.web.address], node: "n1", workloadType: .deployment, workloadName: "web",
                    canonicalName: "web", canonicalRevision: "v1", tunnelProtocol: .hbone))
            $0.insert(
                Workload(
                    uid: node.cart.workload.uid, name: "cart", namespace: "shop", serviceAccount: "cart",
                    addresses: [node.cart.address], node: "n1", tunnelProtocol: .hbone,
                    services: [.init(key, ports: [:])]))
            $0.insert(
                Service(
                    name: "cart", namespace: "shop", hostname: key.hostname,
                    addresses: [NetworkAddress(network: "", address: vip.address)], ports: [80: 8080]))
        }
        usleep(100_000)
        let client = try node.web.connect(vip)
        try write("hello", to: client)
        let answer = try read(client)
        #expect(answer == "hello")
        let line = try #require(try peer.event { $0.contains("\"request\"") })
        let source = TCPSocket.localEndpoint(of: client)
        let port = try #require(source).port
        let head = """
            {":method": "CONNECT", ":authority": "10.77.0.2:8080", "baggage": "k8s.cluster.name=Kubernetes,\
            k8s.namespace.name=shop,k8s.deployment.name=web,service.name=web,service.version=v1", \
            "forwarded": "for=\\"10.77.0.1:\(port)\\";host=cart.shop.svc.cluster.local", "traceparent": "00-
            """
        let fields = try #require(line.range(of: head))
        // 32 and 16 digits, and nothing behind.
        let rest = line[fields.upperBound...]
        #expect(rest.wholeMatch(of: /[0-9a-f]{32}-[0-9a-f]{16}-00"}}/) != nil, "\(line)")
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<Index>? {
        ranges(of: text).first
    }
}
