import Lab
import System
import Testing

/// Hosts beyond the cluster that have a name only, which node proxies look up. Needs root.
@Suite struct NamedHostTests {
    /// A name server at the backbone's address that knows what a file says at the moment.
    private static let nameServer = """
        import json, socket, struct, sys
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("198.18.0.1", 53))
        while True:
            query, peer = s.recvfrom(4096)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
                at += 1 + query[at]
            kind = struct.unpack_from("!H", query, at + 1)[0]
            with open(sys.argv[1]) as file: address = json.load(file).get(".".join(labels))
            data = b""
            if address and kind == (28 if ":" in address else 1):
                data = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
            head = struct.pack("!HHHHH", 0x8180 | (0 if address else 3), 1, bool(data), not data, 0)
            # That there is nothing is said for a second as well: by the zone's SOA.
            record = struct.pack("!HHHIH", 0xc00c, kind, 1, 1, len(data)) + data
            if not data: record = struct.pack("!BHHIHH5I", 0, 6, 1, 1, 22, 0, 1, 1, 1, 1, 1)
            s.sendto(query[:2] + head + query[12:at + 5] + record, peer)
        """

    private static func entry(_ name: String, _ addresses: String, _ rest: String) -> String {
        """
        apiVersion: networking.istio.io/v1
        kind: ServiceEntry
        metadata: {name: \(name), namespace: shop}
        spec:
          {hosts: [\(name).example.com], addresses: [\(addresses)], location: MESH_EXTERNAL, resolution: DNS,
           ports: [{name: tcp, number: 80, protocol: TCP, targetPort: 8088}]\(rest)}

        """
    }

    private static let entries = [
        entry("four", "10.97.0.1", ""), entry("six", "10.97.0.2, fd97::2", ""), entry("later", "10.97.0.3", ""),
        entry("other", "10.97.0.4", ", endpoints: [{address: behind.example.com}]"),
    ].joined(separator: "---\n")

    @Test func `a host is reached under the address that its name has now, in either family`() throws {
        try Shop.run(adding: Self.entries) { lab in
            let names = "\(lab.folder.path)/names.json"
            func know(_ text: String) throws { try FileSystem.write(Array(text.utf8), to: names, mode: 0o644) }
            let known = #""four.example.com": "198.18.0.1", "six.example.com": "fdc5::1""#
            try know("{\(known)}")
            let backbone = try lab.backbone()
            let resolver = try backbone.perform { () throws(Errno) in
                try ChildProcess.spawn(["python3", "-c", Self.nameServer, names])
            }
            let host = try Shop.serve(8088, at: backbone)
            let node = try Self.restart(lab)
            defer { for child in [resolver, host, node] { _ = try? child.stop() } }

            let (v4, v6) = ("10.10.1.10", "fd10:1::10")
            for (server, own) in [("10.97.0.1:80", v4), ("10.97.0.2:80", v6), ("[fd97::2]:80", v6)] {
                try #expect(Shop.eventually { try Shop.calls([server], from: "web", lab) == [own] }, "\(server)")
            }
            // A name that nobody knows costs nothing but itself, until somebody does.
            try #expect(
                Shop.calls(["10.97.0.3:80", "10.97.0.4:80", "10.97.0.1:80"], from: "web", lab) == [nil, nil, v4])
            try know(#"{\#(known), "later.example.com": "198.18.0.1", "behind.example.com": "fdc5::1"}"#)
            try #expect(Shop.eventually { try Shop.calls(["10.97.0.3:80"], from: "web", lab) == [v4] })
            try #expect(Shop.eventually { try Shop.calls(["10.97.0.4:80"], from: "web", lab) == [v6] })
            try know(#"{"four.example.com": "fdc5::1"}"#)
            try #expect(Shop.eventually { try Shop.calls(["10.97.0.1:80"], from: "web", lab) == [v6] }, "it has moved")
        }
    }

    /// Node north again, with a name server.
    private static func restart(_ lab: Lab) throws -> ChildProcess {
        let old = try #require(lab.program("node-north"))
        var recipe = try Shop.Recipe(of: old)
        old.send(signal: Processes.kill)
        _ = try old.wait(atMost: .seconds(5))
        let namespace = Lab.namespaceName(ofNode: "north", in: lab.folder)
        try FileSystem.makeDirectory("/etc/netns/\(namespace)", mode: 0o755)
        try FileSystem.write(
            Array("nameserver 198.18.0.1\n".utf8), to: "/etc/netns/\(namespace)/resolv.conf", mode: 0o644)
        recipe.words = ["ip", "netns", "exec", namespace] + recipe.words
        return try recipe.start(in: lab.backbone(), logging: lab.folder.log(of: "node-north-again"))
    }
}
