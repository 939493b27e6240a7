import Primitives
import System
import Testing

/// Clients outside the mesh that talk to a pod in it.
@Suite struct PlainClientsTests {
    private static let server = """
        import asyncio, sys
        async def echo(reader, writer):
            while data := await reader.read(99): writer.write(data)
            writer.close()
        async def main():
            await (await asyncio.start_server(echo, sys.argv[1], 8080, backlog=1024)).serve_forever()
        asyncio.run(main())
        """

    /// Prints how many of 500 connections, of which 200 are kept, are not answered before the kernel asks again. Their
    /// ports are as a kernel gives them that is not the node's own: those here would be apart from ours by chance.
    private static let client = """
        import random, socket, sys
        kept, late = [], 0
        ports = random.sample(range(32768, 61000, 2), 500)
        for number in range(500):
            one = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
            one.settimeout(0.9)
            try:
                one.bind(("", ports.pop()))
                one.connect((sys.argv[1], 8080))
                one.sendall(b"x")
                late += one.recv(1) != b"x"
            except OSError:
                late += 1
            if number < 200: kept.append(one)
            else: one.close()
        print(late)
        """

    /// The application hears the client's address, so the client's connections and the node's have the same ends.
    @Test(arguments: [IPAddress.Family.v4, .v6])
    func `what a client keeps open is not in the way of what it opens`(family: IPAddress.Family) throws {
        let node = try TestNode(enrolling: ["cart"])
        let address = "\(family == .v4 ? node.cart.address : node.cart.address6)"
        let inside = { (pod: TestPod) in ["ip", "netns", "exec", pod.netnsName, "python3", "-c"] }
        let server = try ChildProcess.spawn(inside(node.cart) + [Self.server, address])
        defer { _ = try? server.stop() }
        let listens = try eventually {
            let probe = try ChildProcess.run([
                "ip", "netns", "exec", node.cart.netnsName, "ss", "-Hltn", "sport = :8080",
            ])
            return probe.output.isEmpty ? nil : true
        }
        #expect(listens == true)
        let result = try ChildProcess.run(inside(node.web) + [Self.client, address], limit: .seconds(60))
        // The machine may be busy for as long, once.
        #expect(["0\n", "1\n"].contains(String(decoding: result.output, as: UTF8.self)), "\(result)")
    }
}
