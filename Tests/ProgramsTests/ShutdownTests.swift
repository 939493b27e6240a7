import Primitives
import System
import Testing

/// How the programs end. Needs root.
@Suite struct ShutdownTests {
    private static let shop = """
        {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}}
        ---
        {apiVersion: v1, kind: Node, metadata: {name: one}}
        """

    /// A control plane and a node that follows it.
    private func start(_ place: Place) throws -> (control: ChildProcess, node: ChildProcess) {
        try FileSystem.makeDirectory("\(place.folder)/manifests", mode: 0o755)
        try place.write("manifests/shop.yaml", Self.shop)
        let control = try place.start(
            [try program("culvert-control"), "--manifests", "manifests", "--state", "state"], log: "control")
        #expect(try eventually { place.text("control").contains("serving") }, "\(place.text("control"))")
        let node = try place.start(
            [try program("culvert-node")],
            [
                "NODE_NAME=one", "XDS_ADDRESS=https://localhost:15012", "CA_ADDRESS=",
                "XDS_ROOT_CA=state/root-cert.pem", "AUTH_TOKEN=state/tokens/one",
            ], log: "node")
        #expect(try eventually { place.text("node").contains("first state of the mesh is complete") })
        return (control, node)
    }

    @Test(arguments: [Int32(15), 2])
    func `a control plane that is told to stop lets its nodes go in order`(signal: Int32) throws {
        let place = try Place()
        let (control, node) = try start(place)
        control.send(signal: signal)
        #expect(try control.wait(atMost: .seconds(10)) == .exited(0))
        #expect(place.text("control").contains("shutdown, nodes go on with what they know"))
        #expect(try eventually { place.text("node").contains("the control plane stops") }, "\(place.text("node"))")

        // One that comes in its place is found, and it knows the node by its token.
        _ = try place.start(
            [try program("culvert-control"), "--manifests", "manifests", "--state", "state"], log: "successor")
        #expect(try eventually { place.text("successor").contains("node connected") }, "\(place.text("successor"))")
        node.send(signal: 15)
        #expect(try node.wait(atMost: .seconds(10)) == .exited(0))
    }

    private static func mesh(_ name: String) -> String {
        "workloads: [{uid: \(name), name: \(name), namespace: shop, serviceAccount: web, node: one}]\n"
    }

    /// A node that has a minute for a connection that would last.
    private func startJoined(_ place: Place) throws -> ChildProcess {
        try place.write("mesh.yaml", Self.mesh("web"))
        let node = try place.start(
            [try program("culvert-node")],
            [
                "PROXY_MODE=dedicated", "PROXY_WORKLOAD_INFO=shop/web/web", "NODE_NAME=one", "XDS_ADDRESS=",
                "CA_ADDRESS=", "LOCAL_XDS_PATH=mesh.yaml", "CONNECTION_TERMINATION_DEADLINE=60s",
                "UNSTABLE_ENABLE_SOCKS5=true",
            ])
        #expect(try eventually { try place.run(["ss", "-Hltn"]).contains(":15080") }, "\(place.text("log"))")
        // A connection through the node proxy that would last.
        let server = "import socket,time; s=socket.create_server(('127.0.0.9',7000)); c=s.accept(); time.sleep(60)"
        let client = """
            import socket, time
            c = socket.create_connection(("127.0.0.1", 15080)); c.sendall(b"\\5\\1\\0"); c.recv(2)
            c.sendall(b"\\5\\1\\0\\1\\x7f\\0\\0\\x09\\x1b\\x58"); c.recv(10)
            print("joined", flush=True); time.sleep(60)
            """
        _ = try place.start(["python3", "-c", server])
        #expect(try eventually { try place.run(["ss", "-Hltn"]).contains(":7000") })
        _ = try place.start(["python3", "-c", client], log: "client")
        #expect(try eventually { place.text("client").contains("joined") }, "\(place.text("log"))")
        return node
    }

    @Test func `a node that waits for its connections follows the mesh`() throws {
        let place = try Place()
        let node = try startJoined(place)
        node.send(signal: 15)
        #expect(try node.wait(atMost: .seconds(1)) == nil)
        try place.write("mesh.yaml", Self.mesh("other"))
        #expect(try node.wait(atMost: .seconds(10)) == .exited(0))
        #expect(place.text("log").contains("the workload was removed from the mesh"), "\(place.text("log"))")
    }

    @Test func `a node that is interrupted twice does not wait for its connections`() throws {
        let place = try Place()
        let node = try startJoined(place)
        node.send(signal: 2)
        #expect(try node.wait(atMost: .seconds(2)) == nil)
        node.send(signal: 15)
        #expect(try node.wait(atMost: .seconds(1)) == nil)
        node.send(signal: 2)
        #expect(try node.wait(atMost: .seconds(10)) == .exited(0))
    }

    @Test func `an agent that is told to stop leaves the pods as they are`() throws {
        let place = try Place()
        try FileSystem.makeDirectory("\(place.folder)/manifests", mode: 0o755)
        try place.write("manifests/shop.yaml", Self.shop)
        let agent = try place.start([
            try program("culvert-agent"), "--manifests", "manifests", "--node", "one", "--socket", "zds.sock",
        ])
        #expect(try eventually { try FileSystem.entries(of: place.folder).contains("zds.sock") })
        try place.write("manifests/pod.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: [}}")
        #expect(try eventually { place.text("log").contains("manifest refused") }, "\(place.text("log"))")
        agent.send(signal: 15)
        #expect(try agent.wait(atMost: .seconds(10)) == .exited(0))
        #expect(place.text("log").contains("shutdown, pods stay as they are"))
    }

    @Test func `what compiles is printed beside what is refused`() throws {
        let place = try Place()
        try FileSystem.makeDirectory("\(place.folder)/manifests", mode: 0o755)
        try place.write("manifests/shop.yaml", Self.shop)
        try place.write(
            "manifests/pod.yaml",
            "{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: shop}, status: {podIP: 10.0.0.x}}")
        let compile = try place.start([try program("culvert-control"), "compile", "--manifests", "manifests"])
        #expect(try compile.wait(atMost: .seconds(10)) == .exited(1))
        #expect(place.text("log").contains("manifests/pod.yaml:1: Pod shop/a: 10.0.0.x is no IP address"))
        #expect(place.text("log").contains("{\"addresses\""))
    }
}
