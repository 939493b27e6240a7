import Lab
import Primitives
import System
import Testing

/// Needs root.
@Suite struct LabTests {
    private let folder = LabFolder(name: "cvt\(Entropy.uint64() % 1_000_000)")

    private func withManifests(_ text: String, _ body: (LabFolder, String) throws -> Void) throws {
        let folder = try #require(folder)
        let path = "/tmp/\(folder.name)"
        try FileSystem.makeDirectory(path, mode: 0o755)
        defer { _ = try? ChildProcess.run(["rm", "-rf", path]) }
        try FileSystem.write(Array(text.utf8), to: "\(path)/all.yaml", mode: 0o644)
        try body(folder, path)
    }

    private let shop = """
        apiVersion: v1
        kind: Pod
        metadata: {name: web, namespace: shop, labels: {app: web}}
        spec: {nodeName: one}
        status: {podIPs: [{ip: 10.1.0.1}, {ip: "fd01::1"}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: shop}
        spec: {clusterIPs: [10.96.0.1], selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}

        """

    @Test func `a lab without programs holds pods that know services by name, and goes without a trace`() throws {
        try withManifests(shop) { folder, path in
            let lab = Lab(folder, manifests: path, options: .init(binaries: nil))
            try lab.start()
            defer { lab.stop() }
            let hosts = try lab.run(["getent", "hosts", "web"], in: "shop/web")
            #expect(String(decoding: hosts.output, as: UTF8.self).hasPrefix("10.96.0.1 "))
            let rules = try lab.namespace(ofNode: "one").perform { () throws(Errno) in
                try ChildProcess.run(["iptables-save"]).output
            }
            #expect(String(decoding: rules, as: UTF8.self).contains("--to-destination 10.1.0.1:8080"))
            let copy = try FileSystem.read("\(folder.manifests)/all.yaml")
            #expect(String(decoding: copy, as: UTF8.self).contains("/run/netns/\(folder.name)-shop-web"))
            #expect(throws: LabFailure.self) { try lab.namespace(of: "shop/nobody") }
            #expect(throws: LabFailure.self) { try Lab(folder, manifests: path, options: .init(binaries: nil)).start() }
            #expect(try lab.run(["true"], in: "web").status.isSuccess, "a second start has not taken it down")
            let sleeper = try lab.spawn(["sleep", "60"], in: "web")
            lab.stop()
            #expect(try sleeper.wait(atMost: .seconds(1)) == .signalled(15))
            expectNothing(of: folder)
        }
    }

    @Test func `a program that does not start takes the lab down and its words are told`() throws {
        try withManifests(shop) { folder, path in
            try FileSystem.write(
                Array("#!/bin/sh\necho out of order\nexit 1\n".utf8), to: "\(path)/culvert-control", mode: 0o755)
            let lab = Lab(folder, manifests: path, options: .init(binaries: path))
            #expect(throws: LabFailure.notReady(program: "control", log: "out of order")) { try lab.start() }
            expectNothing(of: folder)
        }
    }

    @Test func `manifests that cannot be read, or hold no pod, make no lab`() throws {
        for text in ["kind: [", "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"] {
            try withManifests(text) { folder, path in
                #expect(throws: LabFailure.self) {
                    try Lab(folder, manifests: path, options: .init(binaries: nil)).start()
                }
                expectNothing(of: folder)
            }
        }
    }

    @Test(arguments: ["", "Shop", "a/b", "0a", "-a", "a.b", String(repeating: "a", count: 33)])
    func `a name that is no word is refused`(name: String) { #expect(LabFolder(name: name) == nil) }

    private func expectNothing(of folder: LabFolder) {
        #expect(!folder.exists)
        for parent in ["/run/netns", "/etc/netns"] {
            let entries = (try? FileSystem.entries(of: parent)) ?? []
            #expect(!entries.contains { $0.hasPrefix(folder.name) })
        }
    }
}
