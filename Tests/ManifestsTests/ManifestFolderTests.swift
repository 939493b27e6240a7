import Manifests
import Primitives
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
            #expect(error.description.contains("c.yaml:1: Namespace b: is also in \(path)/b.yaml, line 1"))
        }
    }

    private func pod(_ name: String, _ address: String) -> String {
        "{apiVersion: v1, kind: Pod, metadata: {name: \(name), namespace: shop}, status: {podIP: \(address)}}"
    }

    private func address(_ name: String, in reading: ManifestReading) -> String? {
        reading.objects.pods[ObjectName(namespace: "shop", name: name)]?.addresses.first?.description
    }

    @Test func `a bad document holds up no other, and what was good of its object stays`() throws {
        try write("a.yaml", pod("a", "10.0.0.1") + "\n---\n" + pod("b", "10.0.0.2"))
        try write("c.yaml", pod("c", "10.0.0.3"))
        var reading = try ManifestFolder.read(path, known: ManifestSet())
        #expect(reading.refusals.isEmpty && reading.kept.isEmpty && reading.objects.pods.count == 3)

        // A value that means nothing: it is known whose document it is.
        try write("a.yaml", pod("a", "10.0.0.4") + "\n---\n" + pod("b", "10.0.0.x"))
        reading = try ManifestFolder.read(path, known: reading.objects)
        #expect(address("a", in: reading) == "10.0.0.4" && address("b", in: reading) == "10.0.0.2")
        #expect(reading.refusals.map(\.description) == ["\(path)/a.yaml:3: Pod shop/b: 10.0.0.x is no IP address"])
        #expect(reading.kept.map(\.description) == ["Pod shop/b"])

        // No YAML at all: whatever came from the file stays, and the documents behind it are read.
        try write("a.yaml", "kind: [\n---\n" + pod("d", "10.0.0.5") + "\n---\n" + pod("b", "10.0.0.6"))
        reading = try ManifestFolder.read(path, known: reading.objects)
        #expect(address("a", in: reading) == "10.0.0.4" && address("b", in: reading) == "10.0.0.6")
        #expect(address("d", in: reading) == "10.0.0.5" && reading.kept.map(\.name.name) == ["a"])
        #expect(reading.refusals.count == 1 && reading.refusals[0].line == 2)

        // Again without a flaw: what is no longer there is gone.
        try write("a.yaml", pod("d", "10.0.0.5"))
        reading = try ManifestFolder.read(path, known: reading.objects)
        #expect(reading.refusals.isEmpty && reading.objects.pods.keys.map(\.name).sorted() == ["c", "d"])
    }

    @Test func `an object that moves to another file while its old document breaks is the new one`() throws {
        try write("b.yaml", pod("a", "10.0.0.1"))
        let first = try ManifestFolder.read(path, known: ManifestSet())
        try write("b.yaml", pod("a", "nowhere"))
        try write("c.yaml", pod("a", "10.0.0.2"))
        let second = try ManifestFolder.read(path, known: first.objects)
        #expect(address("a", in: second) == "10.0.0.2" && second.kept.isEmpty && second.refusals.count == 1)
        try FileSystem.remove("\(path)/b.yaml")
        try FileSystem.remove("\(path)/c.yaml")
        #expect(try ManifestFolder.read(path, known: second.objects).objects.pods.isEmpty)
    }

    @Test func `a refusal is new once, and over once`() {
        let (one, two) = (
            ManifestError(file: "a", line: 1, reason: "x"), ManifestError(file: "b", line: nil, reason: "y")
        )
        var ledger = RefusalLedger()
        var changes = ledger.note([one])
        #expect(changes.new == [one] && changes.over == [])
        changes = ledger.note([one, two])
        #expect(changes.new == [two] && changes.over == [])
        changes = ledger.note([two])
        #expect(changes.new == [] && changes.over == [one])
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
