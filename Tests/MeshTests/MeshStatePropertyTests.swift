import Mesh
import Primitives
import Testing

@Suite struct MeshStatePropertyTests {
    /// What lookups see of a state, as text.
    private static func summary(_ state: MeshState, _ names: [String]) -> [String] {
        var lines: [String] = []
        for number in 0..<6 {
            let address = Fixture.networkAddress("10.1.0.\(number)")
            lines.append("\(address) \(state.workload(at: address) != nil)")
            for client in ["a", "b", "z"] {
                let vip = Fixture.networkAddress("10.96.0.\(number)")
                lines.append("\(vip) \(client) \(state.service(at: vip, for: client) != nil)")
            }
        }
        for key in names.compactMap({ NamespacedHostname($0) }) {
            let endpoints = state.service(key).map { state.endpoints(of: $0) } ?? state.stagedEndpoints[key] ?? []
            lines.append("\(key) \(state.service(key) != nil) \(endpoints.map(\.workload.uid).sorted())")
        }
        lines.append("\(state.workloadCount) \(state.serviceCount)")
        return lines
    }

    @Test func `the order of changes does not matter and old versions stay`() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = Draw(seed)
        let names = ["a/x", "a/y", "b/x"]
        for _ in 0..<60 {
            var state = Fixture.state()
            var workloads: [String: Workload] = [:]
            var services: [String: Service] = [:]
            var versions: [(state: MeshState, summary: [String])] = []
            for _ in 0..<40 {
                let number = random.next(upperBound: 5 as UInt64)
                let name = names[Int(random.next(upperBound: 3 as UInt64))]
                switch random.next(upperBound: 6 as UInt64) {
                case 0...1:
                    let address = "10.1.0.\(random.next(upperBound: 6 as UInt64))"
                    let pod = Fixture.pod(
                        "p\(number)", address, capacity: random.next(upperBound: 2 as UInt64) == 0 ? 1 : 3,
                        hostNetwork: number == 4, services: number == 0 ? [] : [(name, [80: 8080] as PortMap)])
                    state.insert(pod)
                    workloads[pod.uid] = pod
                case 2...3:
                    let parts = name.split(separator: "/")
                    let service = Fixture.service(
                        "s", vip: "10.96.0.\(number)", namespace: String(parts[0]), hostname: String(parts[1]),
                        visibility: number == 1 ? .namespace : .everyone,
                        prefixes: number == 2 ? ["10.96.0.4/31"] : [])
                    state.insert(service)
                    services[name] = service
                case 4:
                    let uid = "Kubernetes//Pod/shop/p\(number)"
                    state.removeAddress(named: uid)
                    workloads[uid] = nil
                default:
                    state.removeAddress(named: name)
                    services[name] = nil
                }
                versions.append((state, Self.summary(state, names)))
            }
            let rebuilt = Fixture.state(Array(workloads.values), Array(services.values))
            #expect(Self.summary(state, names) == Self.summary(rebuilt, names), "seed \(seed)")
            for version in versions {
                #expect(Self.summary(version.state, names) == version.summary, "seed \(seed)")
            }
        }
    }
}
