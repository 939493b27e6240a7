import Manifests
import System
import Testing

@Suite final class ManifestFolderTests {
    let path = "/tmp/culvert-test-\(String(Entropy.uint64(), radix: 16))"

    init() throws { try FileSystem.makeDirectory(path, mode: 0o700) }

    deinit {
        for name in (try? FileSystem.entries(of: path)) ?? [] { try? FileSystem.remove("\(path)/\(name)") }
        try? FileSystem.removeDirectory(path)
    }

    private func write(_ name: String, _ text: String) throws {
        try FileSystem.write(Array(text.utf8), to: "\(path)/\(name)", mode: 0o644)
    }

    private func namespace(_ name: String) -> String {
        "{apiVersion: v1, kind: Namespace, metadata: {name: \(name)}}"
    }

    @Test func `files are read by their ending, hidden ones never`() throws {
        for name in ["a.yaml", "b.yml", "c.json", "d.txt", ".e.yaml", "f.yaml~"] {
            try write(name, namespace(String(name.filter { $0.isLetter }.prefix(1))))
        }
        #expect(try ManifestFolder.load(path).namespaces.keys.sorted() == ["a", "b", "c"])
    }

    @Test func `each bad file is named`() throws {
        try write("a.yaml", "kind: [")
        try write("b.yaml", namespace("b"))
        try write("c.yaml", namespace("b"))
        do throws(ManifestFailure) {
            _ = try ManifestFolder.load(path)
            Issue.record("accepted")
        } catch {
            #expect(error.errors.map(\.file) == ["\(path)/a.yaml", "\(path)/c.yaml"])
            #expect(error.description.contains("c.yaml:1: Namespace b is also in \(path)/b.yaml, line 1"))
        }
    }

    @Test func `a folder that is not there is an error`() {
        #expect(throws: ManifestFailure.self) { _ = try ManifestFolder.load("\(path)/none") }
    }

    @Test func `the fingerprint changes with the content`() throws {
        try write("a.yaml", namespace("a"))
        let before = ManifestFolder.fingerprint(path)
        #expect(ManifestFolder.fingerprint(path) == before)
        try write("a.yaml", namespace("b"))
        #expect(ManifestFolder.fingerprint(path) != before)
    }

    @Test func `mutated manifests are read or refused, and never crash`() {
        let original = Array(
            """
            apiVersion: v1
            kind: Pod
            metadata: {name: a, labels: {b: c}, ownerReferences: [{kind: Job, name: j-12345678, controller: true}]}
            spec: {nodeName: n, hostNetwork: false, containers: [{ports: [{name: p, containerPort: 80}]}]}
            status: {podIPs: [{ip: 10.0.0.1}], conditions: [{type: Ready, status: "True"}]}
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: s}
            spec: {clusterIPs: [10.96.0.1], ipFamilies: [IPv4], ports: [{port: 80, targetPort: x, appProtocol: http}]}
            ---
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: {name: p}
            spec: {selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}, portLevelMtls: {8080: {mode: DISABLE}}}
            """.utf8)
        for seed in UInt64(0)..<2000 {
            var state = seed
            let next = { (bound: Int) -> Int in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            var bytes = original
            for _ in 0...next(4) { bytes[next(bytes.count)] = UInt8(next(128)) }
            var objects = ManifestSet()
            try? objects.add(bytes, file: "seed \(seed)")
        }
    }
}
