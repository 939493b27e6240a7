import Schema
import Testing

@Suite struct WorkloadMessageTests {
    static var sample: Workload {
        var workload = Workload()
        workload.uid = "Kubernetes//Pod/shop/cart-0"
        workload.name = "cart-0"
        workload.addresses = [[10, 1, 0, 5]]
        workload.tunnelProtocol = .hbone
        workload.workloadType = .pod
        workload.status = .unhealthy
        workload.capacity = UInt32Value(0)
        var port = Port()
        port.servicePort = 80
        port.targetPort = 8080
        var list = PortList()
        list.ports = [port]
        workload.services = ["shop/cart.shop.svc.cluster.local": list, "shop/empty.shop.svc.cluster.local": PortList()]
        var gateway = GatewayAddress()
        var name = NamespacedHostname()
        name.namespace = "shop"
        name.hostname = "wp"
        gateway.destination = .hostname(name)
        gateway.hboneMTLSPort = 15008
        workload.waypoint = gateway
        return workload
    }

    @Test func `a workload comes back as it was`() throws {
        let address = Address(.workload(Self.sample))
        #expect(try Address(protobuf: address.protobuf()) == address)
    }

    @Test func `JSON has names in camel case, enumerations by name and no defaults`() {
        var json = JSONWriter()
        Address(.workload(Self.sample)).write(to: &json)
        #expect(
            json.string == """
                {"workload":{"name":"cart-0","addresses":["10.1.0.5"],"tunnelProtocol":"HBONE",\
                "waypoint":{"hostname":{"namespace":"shop","hostname":"wp"},"hboneMtlsPort":15008},\
                "workloadType":"POD","status":"UNHEALTHY","uid":"Kubernetes//Pod/shop/cart-0",\
                "services":{"shop/cart.shop.svc.cluster.local":{"ports":[{"servicePort":80,"targetPort":8080}]},\
                "shop/empty.shop.svc.cluster.local":{}},"capacity":0}}
                """)
    }

    @Test func `JSON strings are escaped`() {
        var json = JSONWriter()
        json.string("a\"\\\n\u{1}é")
        #expect(json.string == "\"a\\\"\\\\\\n\\u0001é\"")
    }

    @Test func `an unknown enumeration number is kept`() throws {
        let workload = try Workload(protobuf: hex("2809"))
        #expect(workload.tunnelProtocol == TunnelProtocol(rawValue: 9))
        #expect(!workload.tunnelProtocol.isRecognized)
        #expect(workload.protobuf() == hex("2809"))
    }

    @Test func `a negative enumeration number is kept`() throws {
        let workload = try Workload(protobuf: hex("28ffffffffffffffffff01"))
        #expect(workload.tunnelProtocol.rawValue == -1)
        #expect(workload.protobuf() == hex("28ffffffffffffffffff01"))
    }

    @Test func `an absent prefix length differs from a length of zero`() throws {
        #expect(try NetworkAddress(protobuf: hex("1800")).length == 0)
        #expect(try NetworkAddress(protobuf: []).length == nil)
    }

    @Test func `ports of a match are read packed and unpacked`() throws {
        #expect(try Authorization.Match(protobuf: hex("4a0350bb03")).destinationPorts == [80, 443])
        #expect(try Authorization.Match(protobuf: hex("485048bb03")).destinationPorts == [80, 443])
        var match = Authorization.Match()
        match.destinationPorts = [80, 443]
        #expect(match.protobuf() == hex("4a0350bb03"))
    }

    @Test func `of a oneof the last member counts`() throws {
        let match = try Authorization.StringMatch(protobuf: hex("0a0161 2200"))
        #expect(match.kind == .presence)
    }

    @Test func `a message that comes twice is merged`() throws {
        let address = try Address(protobuf: hex("0a030a0161 0a03120162"))
        var expected = Workload()
        expected.name = "a"
        expected.namespace = "b"
        #expect(address.kind == .workload(expected))
    }
}
