import Identity
import Primitives
import Schema

/// A mesh of any size, as messages of a control plane. Everything follows from the numbers: ten workloads behind each
/// service, fifty to a node, and 200 namespaces, the first of which has two of five policies.
struct SyntheticMesh {
    let workloadCount: Int
    let policyCount: Int

    static let port: UInt16 = 8080
    static let servicePort: UInt16 = 80
    static let ruleCount = 10
    static let network = "network-1"
    static let workloadsPerNode = 50
    private static let endpointsPerService = 10
    private static let namespaceCount = 200
    private static let portCount = 20

    var serviceCount: Int { (workloadCount + Self.endpointsPerService - 1) / Self.endpointsPerService }

    // MARK: Names

    static func namespace(_ number: Int) -> String { "namespace-\(number % namespaceCount)" }
    static func node(_ number: Int) -> String { "node-\(number)" }
    func serviceNumber(ofWorkload number: Int) -> Int { number / Self.endpointsPerService }
    func namespace(ofWorkload number: Int) -> String { Self.namespace(serviceNumber(ofWorkload: number)) }
    func name(ofWorkload number: Int) -> String {
        "app-\(serviceNumber(ofWorkload: number))-7d9f8c6b5-x\(number)"
    }
    func uid(ofWorkload number: Int) -> String {
        "Kubernetes//Pod/\(namespace(ofWorkload: number))/\(name(ofWorkload: number))"
    }
    func hostname(ofService number: Int) -> String {
        "app-\(number).\(Self.namespace(number)).svc.cluster.local"
    }
    func address(ofWorkload number: Int) -> IPAddress { IPAddress(v4: 0x0a00_0000 + UInt32(number) + 1) }
    func address(ofService number: Int) -> IPAddress { IPAddress(v4: 0x0ae0_0000 + UInt32(number) + 1) }
    func identity(ofWorkload number: Int) -> SPIFFEID {
        SPIFFEID(
            trustDomain: "cluster.local", namespace: namespace(ofWorkload: number),
            serviceAccount: "app-\(serviceNumber(ofWorkload: number))")
    }
    /// Policies of a namespace: two of five are in the first one.
    private func namespaceNumber(ofPolicy number: Int) -> Int { number % 5 < 2 ? 0 : number % Self.namespaceCount }

    // MARK: Messages

    /// A workload; a later `version` of it differs.
    func workload(_ number: Int, version: Int = 0) -> Resource {
        let service = serviceNumber(ofWorkload: number)
        var message = Schema.Workload()
        message.uid = uid(ofWorkload: number)
        message.name = name(ofWorkload: number)
        message.namespace = namespace(ofWorkload: number)
        message.addresses = [address(ofWorkload: number).bytes]
        message.network = Self.network
        message.tunnelProtocol = .hbone
        message.serviceAccount = "app-\(service)"
        message.node = Self.node(number / Self.workloadsPerNode)
        message.canonicalName = "app-\(service)"
        message.canonicalRevision = "v\(version)"
        message.workloadName = "app-\(service)"
        message.clusterID = "Kubernetes"
        message.services = [
            "\(Self.namespace(service))/\(hostname(ofService: service))": Self.ports(leadingTo: Self.port)
        ]
        if policyCount > 0, number % 10 == 0 { message.authorizationPolicies = [key(ofPolicy: 4)] }
        return Self.resource(Schema.Address(.workload(message)), named: message.uid, version)
    }

    func service(_ number: Int) -> Resource {
        var message = Schema.Service()
        message.name = "app-\(number)"
        message.namespace = Self.namespace(number)
        message.hostname = hostname(ofService: number)
        var address = Schema.NetworkAddress()
        address.network = Self.network
        address.address = self.address(ofService: number).bytes
        message.addresses = [address]
        message.ports = Self.ports(leadingTo: Self.port).ports
        return Self.resource(Schema.Address(.service(message)), named: "\(message.namespace)/\(message.hostname)", 0)
    }

    static func ports(leadingTo target: UInt16) -> PortList {
        var port = Port()
        port.servicePort = UInt32(servicePort)
        port.targetPort = UInt32(target)
        var list = PortList()
        list.ports = [port]
        return list
    }

    private func key(ofPolicy number: Int) -> String {
        "\(Self.namespace(namespaceNumber(ofPolicy: number)))/policy-\(number)"
    }

    /// A policy of ten rules. One of ten denies, one of a hundred is of the whole mesh, the fifth selects workloads.
    func policy(_ number: Int, version: Int = 0) -> Resource {
        var message = Authorization()
        message.namespace = Self.namespace(namespaceNumber(ofPolicy: number))
        message.name = "policy-\(number)"
        message.scope = number == 4 ? .workloadSelector : number % 100 == 99 ? .global : .namespace
        message.action = number % 10 == 9 ? .deny : .allow
        message.groups = (0..<Self.ruleCount).map { group(ofPolicy: number, $0, version: version) }
        return Self.resource(message, named: key(ofPolicy: number), version)
    }

    /// Who: an identity, a namespace, a service account or a network, of many; and which of twenty ports.
    private func group(ofPolicy number: Int, _ index: Int, version: Int) -> Authorization.Group {
        var match = Authorization.Match()
        let subject = 7 * number + 31 * index + version
        let account = "app-\(subject % max(serviceCount, 1))"
        let namespace = Self.namespace(subject % max(serviceCount, 1))
        switch index % 4 {
        case 0: match.principals = [.init(.exact("cluster.local/ns/\(namespace)/sa/\(account)"))]
        case 1: match.namespaces = [.init(.exact(namespace))]
        case 2:
            var named = Authorization.ServiceAccountMatch()
            named.namespace = namespace
            named.serviceAccount = account
            match.serviceAccounts = [named]
        default:
            var range = Authorization.Range()
            range.address = address(ofWorkload: 256 * (subject % 400)).bytes
            range.length = 24
            match.sourceIPs = [range]
        }
        match.destinationPorts = [UInt32(Self.port) + UInt32((number + index) % Self.portCount)]
        var rules = Authorization.Rules()
        rules.matches = [match]
        var group = Authorization.Group()
        group.rules = [rules]
        return group
    }

    static func resource(_ message: some ProtobufMessage, named name: String, _ version: Int) -> Resource {
        var content = AnyMessage()
        content.value = message.protobuf()
        var resource = Resource()
        resource.name = name
        resource.version = "\(version)"
        resource.resource = content
        return resource
    }
}
