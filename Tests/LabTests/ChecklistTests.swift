import Lab
import Primitives
import System
import Testing

/// What Istio's own end-to-end tests of ambient ask of plain connections. Needs root.
@Suite(.serialized) struct ChecklistTests {
    /// A service without an address, one of pods outside the mesh, and one that names a waypoint that there is not.
    private static let services = """
        apiVersion: v1
        kind: Service
        metadata: {name: headless, namespace: shop}
        spec: {clusterIP: None, selector: {app: web}, ports: [{name: tcp, port: 8080}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: outside, namespace: street}
        spec: {clusterIPs: [10.96.0.90], selector: {app: passer-by}, ports: [{name: tcp, port: 80, targetPort: 8080}]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: bogus, namespace: shop, labels: {istio.io/use-waypoint: nobody}}
        spec: {clusterIPs: [10.96.0.40], selector: {app: ledger}, ports: [{name: tcp, port: 9000}]}

        """

    @Test func `every pod reaches every service and pod that it may, in the mesh and out of it`() throws {
        try Shop.run(adding: Self.services) { lab in
            // By service, by address, outside the mesh, behind a waypoint that is not there, and not for everyone.
            let servers = ["10.96.0.10:80", "10.10.1.10:8080", "10.96.0.90:80", "10.96.0.40:9000", "10.96.0.20:80"]
            for (pod, own, refused) in [
                ("web", "10.10.1.10", []), ("cart-0", "10.10.2.20", [4]), ("ledger", "10.10.2.30", [4]),
                ("passer-by", "10.10.1.90", [3, 4]),
            ] {
                let answers = try Shop.calls(servers, from: pod, lab)
                for (index, answer) in answers.enumerated() where !(pod == "passer-by" && index == 2) {
                    #expect(answer == (refused.contains(index) ? nil : own), "\(pod) to \(servers[index])")
                }
            }
            try #expect(Shop.call("headless.shop.svc.cluster.local", 8080, from: "cart-0", lab) != nil)
        }
    }

    @Test func `a destination that nobody knows is reached as ever, from the pod's own address`() throws {
        try Shop.run { lab in
            let north = try lab.namespace(ofNode: "north")
            _ = try north.perform { () throws(Errno) in
                try ChildProcess.run(["ip", "addr", "add", "169.254.169.254/32", "dev", "lo"])
            }
            let children = [try Shop.serve(80, at: north), try Shop.serve(8088, at: lab.backbone())]
            defer { for child in children { _ = try? child.stop() } }
            // The cloud's metadata, and whatever is beyond the cluster.
            for server in ["169.254.169.254:80", "198.18.0.1:8088", "[fdc5::1]:8088"] {
                let own = server.hasPrefix("[") ? "fd10:1::10" : "10.10.1.10"
                try #expect(Shop.eventually { try Shop.calls([server], from: "web", lab) == [own] }, "\(server)")
            }
        }
    }

    @Test func `requests of one connection stay with one pod, several connections spread, and gRPC passes`() throws {
        let service = """
            apiVersion: v1
            kind: Service
            metadata: {name: spread, namespace: shop}
            spec: {clusterIPs: [10.96.0.50], selector: {app: cart}, ports: [{name: http, port: 81, targetPort: 8081}]}

            """
        try Shop.run(adding: service) { lab in
            for pod in ["cart-0", "cart-1"] { _ = try lab.spawn(["python3", "-c", Self.httpServer, pod], in: pod) }
            let spread = try lab.run(["python3", "-c", Self.httpClient, "10.96.0.50", "81"], in: "web")
            #expect(String(decoding: spread.output, as: UTF8.self) == "True ['cart-0', 'cart-1']\n")
            let python = Self.repository + ".build/peers/bin/python"
            _ = try lab.spawn([python, "-c", Self.grpcServer], in: "cart-0")
            let echoed = try lab.run([python, "-c", Self.grpcClient, "10.10.2.20:8082"], in: "web")
            #expect(String(decoding: echoed.output, as: UTF8.self) == "8388608\n", "\(echoed)")
        }
    }

    private static let repository = String(#filePath.dropLast("Tests/LabTests/ChecklistTests.swift".count))

    private static let httpServer = """
        import http.server, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(sys.argv[1])))
                self.end_headers()
                self.wfile.write(sys.argv[1].encode())
            def log_message(self, *words): pass
        http.server.ThreadingHTTPServer(("", 8081), Handler).serve_forever()
        """

    private static let httpClient = """
        import http.client, sys, time
        def ask():
            c = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=5)
            names = []
            for _ in range(5):
                c.request("GET", "/")
                names.append(c.getresponse().read().decode())
            return set(names)
        for _ in range(50):
            try: ask(); break
            except OSError: time.sleep(0.1)
        seen = [ask() for _ in range(24)]
        print(all(len(names) == 1 for names in seen), sorted(set().union(*seen)))
        """

    private static let grpcServer = """
        import grpc
        from concurrent import futures
        class Echo(grpc.GenericRpcHandler):
            def service(self, details): return grpc.stream_stream_rpc_method_handler(lambda requests, context: requests)
        server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Echo()])
        server.add_insecure_port("[::]:8082")
        server.start()
        server.wait_for_termination()
        """

    private static let grpcClient = """
        import grpc, sys
        with grpc.insecure_channel(sys.argv[1]) as channel:
            call = channel.stream_stream("/test.Echo/Stream")
            messages = (bytes(1 << 20) for _ in range(8))
            print(sum(len(message) for message in call(messages, wait_for_ready=True, timeout=15)))
        """

    @Test func `nothing is allowed by an empty policy, anybody with a name by a star, and denial goes first`() throws {
        let head = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {namespace: shop, name: "
        let web = "}\nspec: {selector: {matchLabels: {app: web}}, "
        try Shop.run { lab in
            func outcome() throws -> [Bool] {
                try ["ledger", "cart-0", "passer-by"].map { try Shop.call("10.96.0.10", 80, from: $0, lab) != nil }
            }
            #expect(try outcome() == [true, true, true])
            try Shop.set("a.yaml", head + "nothing}\nspec: {}\n", lab)
            try #expect(Shop.eventually { try outcome() == [false, false, false] })
            let ledger = "rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/ledger]}}]}]}\n"
            try Shop.set("b.yaml", head + "ledger" + web + "action: ALLOW, " + ledger, lab)
            try #expect(Shop.eventually { try outcome() == [true, false, false] })
            try Shop.set("b.yaml", head + "named" + web + #"rules: [{from: [{source: {principals: ["*"]}}]}]}"#, lab)
            try #expect(Shop.eventually { try outcome() == [true, true, false] })
            try Shop.set("c.yaml", head + "not-ledger" + web + "action: DENY, " + ledger, lab)
            try #expect(Shop.eventually { try outcome() == [false, true, false] })
            for file in ["a", "b", "c"] { try FileSystem.remove("\(lab.folder.manifests)/\(file).yaml") }
            try #expect(Shop.eventually { try outcome() == [true, true, true] })
        }
    }

    @Test func `an endpoint whose application is gone costs no call to its service`() throws {
        try Shop.run(unserved: ["cart-0"]) { lab in
            let application = try Shop.serve(8080, in: "cart-0", lab)
            let servers = [String](repeating: "10.96.0.20:80", count: 20)
            try #expect(Shop.calls(servers, from: "web", lab).allSatisfy { $0 == "10.10.1.10" })
            let rest = try Shop.load("10.96.0.20", 80, from: "web", seconds: 4, lab)
            Processes.pause(.milliseconds(500))
            _ = try application.stop()
            Processes.pause(.seconds(1))
            try Shop.serve(8080, in: "cart-0", lab)
            // What was under way when it ended may have been lost with it.
            let told = try rest.text()
            #expect(told.hasPrefix("0 ") || told.hasPrefix("1 "), "\(told)")
        }
    }

    @Test func `pods of a service that are replaced one after the other cost no call`() throws {
        let pods = ["cart-0", "cart-1"]
        try Shop.run(unserved: Set(pods)) { lab in
            let applications = try pods.map { try Shop.serve(8080, in: $0, lab) }
            let original = String(decoding: try FileSystem.read("\(lab.folder.manifests)/cart.yaml"), as: UTF8.self)
            let load = try Shop.load("10.96.0.20", 80, from: "web", seconds: 8, lab)
            for (pod, application) in zip(pods, applications) {
                let name = "  name: \(pod)\n"
                let leaving = original.replacing(name, with: name + "  deletionTimestamp: 2026-01-01T00:00:00Z\n")
                #expect(leaving != original)
                try Shop.set("cart.yaml", leaving, lab)
                // Nobody begins a call to it any more, and those that it has begun are short.
                Processes.pause(.seconds(1))
                _ = try application.stop()
                Processes.pause(.milliseconds(500))
                try Shop.serve(8080, in: pod, lab)
                try Shop.set("cart.yaml", original, lab)
                Processes.pause(.seconds(1))
            }
            let told = try load.text()
            #expect(told.hasPrefix("0 "), "\(told)")
        }
    }

    @Test func `a node proxy that hands over to its successor costs no connection`() throws {
        try Shop.run { lab in
            let old = try #require(lab.program("node-north"))
            let recipe = try Shop.Recipe(of: old)
            // To the node that changes and from it; what was there before may end with the old proxy.
            let arriving = try Shop.load("10.96.0.10", 80, from: "cart-0", seconds: 8, lab)
            let leaving = try Shop.load("10.96.0.30", 9000, from: "web", seconds: 8, lab)
            // As a pod of its own, which has its own ports, beside the one that it follows.
            let place = try lab.namespace(of: "passer-by")
            let log = lab.folder.log(of: "node-north-again")
            let successor = try recipe.start(in: place, logging: log)
            defer { _ = try? successor.stop() }
            let isReady = try Shop.eventually {
                let text = (try? FileSystem.read(log)).map { String(decoding: $0, as: UTF8.self) } ?? ""
                return text.split(separator: "\n").count { $0.contains("pod enrolled") } == 2
            }
            #expect(isReady)
            old.send(signal: Processes.terminate)
            #expect(try old.wait(atMost: .seconds(10)) == .exited(0))
            for load in [arriving, leaving] {
                let told = try load.text()
                #expect(told.hasPrefix("0 "), "\(told)")
            }
            let text = String(decoding: try FileSystem.read(log), as: UTF8.self)
            #expect(text.contains("connection complete"))
        }
    }

    @Test func `a network policy that lets nothing but tunnels to a pod lets the mesh to it`() throws {
        try Shop.run { lab in
            try FileSystem.remove("\(lab.folder.manifests)/ledger-mutual-tls.yaml")
            try #expect(Shop.eventually { try Shop.call("10.10.2.30", 9000, from: "passer-by", lab) != nil })
            let south = try lab.namespace(ofNode: "south")
            let rule = "-A FORWARD -d 10.10.2.30 -p tcp ! --dport 15008 -m conntrack --ctstate NEW -j DROP"
            _ = try south.perform { () throws(Errno) in
                try ChildProcess.run(["iptables"] + rule.split(separator: " ").map(String.init))
            }
            for server in ["10.96.0.30", "10.10.2.30"] {
                try #expect(Shop.call(server, 9000, from: "web", lab) == "10.10.1.10", "\(server)")
                try #expect(Shop.call(server, 9000, from: "passer-by", lab) == nil, "\(server)")
            }
        }
    }

    @Test func `a namespace that leaves the mesh and joins again leaves nobody waiting`() throws {
        try Shop.run { lab in
            let load = try Shop.load("10.96.0.10", 80, from: "cart-0", seconds: 14, lab)
            let file = "namespaces.yaml"
            let original = String(decoding: try FileSystem.read("\(lab.folder.manifests)/\(file)"), as: UTF8.self)
            var switches: [Int64] = []
            for _ in 0..<2 {
                for text in [original.replacing("istio.io/dataplane-mode: ambient", with: "left: mesh"), original] {
                    Processes.pause(.milliseconds(2500))
                    switches.append(WallClock.now().nanoseconds / 1_000_000)
                    try Shop.set(file, text, lab)
                }
            }
            let told = try load.text()
            // Until the proxy has heard of a pod that is captured there is nobody to connect to; nobody waits in vain.
            for word in ["timed out", "end"] { #expect(!told.contains(word), "\(told)") }
            let counts = told.split(separator: " ").prefix(2).compactMap { Int($0) }
            let times = told.drop { $0 != "]" }.split(whereSeparator: { !$0.isNumber }).compactMap { Int64($0) }
            try #require(counts.count == 2 && counts[0] == times.count, "\(told)")
            #expect(counts[1] > 200 && counts[0] * 10 < counts[1], "\(told)")
            // A switch is done within so many milliseconds, and beyond that no call is lost.
            let strays = times.filter { time in !switches.contains { (0..<2000).contains(time - $0) } }
            #expect(strays.isEmpty, "\(switches): \(told)")
            try #expect(Shop.call("10.96.0.10", 80, from: "cart-0", lab) == "10.10.2.20")
        }
    }

    @Test func `without its agent a node's pods go on, and an agent that comes back finds them as they are`() throws {
        try Shop.run { lab in
            let agent = try #require(lab.program("agent-north"))
            let recipe = try Shop.Recipe(of: agent)
            let open = try Shop.converse("10.96.0.10", 80, from: "cart-0", seconds: 5, lab)
            let load = try Shop.load("10.96.0.10", 80, from: "cart-0", seconds: 5, lab)
            agent.send(signal: Processes.kill)
            #expect(try agent.wait(atMost: .seconds(5)) == .signalled(9))
            Processes.pause(.seconds(1))
            let log = lab.folder.log(of: "agent-north-again")
            let successor = try recipe.start(in: lab.namespace(ofNode: "north"), logging: log)
            defer { _ = try? successor.stop() }
            #expect(try open.text() == "whole\n")
            #expect(try load.text().hasPrefix("0 "))
            // It does its work.
            let web = String(decoding: try FileSystem.read("\(lab.folder.manifests)/web.yaml"), as: UTF8.self)
            let left = web.replacing(
                "    app: web\nspec", with: "    app: web\n    istio.io/dataplane-mode: none\nspec")
            try Shop.set("web.yaml", left, lab)
            try #expect(
                Shop.eventually {
                    let rules = try lab.run(["iptables-save"], in: "web").output
                    return !String(decoding: rules, as: UTF8.self).contains("-A ISTIO")
                })
            try #expect(Shop.call("10.96.0.10", 80, from: "passer-by", lab) == "10.10.1.90")
        }
    }
}
