// The load generator of the benchmarks, the application that answers it, the bare relay that proxies are compared with,
// and what is measured within one process. Each load prints one JSON object. `Benchmarks/run` is the way to use it.

import EventLoop
import Glibc
import Identity
import Primitives
import System
import TLS

let usage = """
    usage: culvert-bench MODE --name value ...
      serve     --listen ADDRESS:PORT
      bare      --role client|server --listen ADDRESS:PORT --to ADDRESS:PORT --certificates FOLDER --name NAME
                [--expect SPIFFE_ID]
      tunnel    like bare, and --authority ADDRESS:PORT for a client
      pingpong  --to ADDRESS:PORT [--bytes 64] [--rounds 10000] [--warmup 500] [--seconds 60]
      paced     --to ADDRESS:PORT [--bytes 1024] [--rate 1000] [--connections 4] [--seconds 5]
      connect   --to ADDRESS:PORT,... [--total 2000] [--at-once 1] [--pause MILLISECONDS]
      idle      --to ADDRESS:PORT,... [--total 1000]       until its standard input ends
      reach     --to ADDRESS:PORT [--at-once 4] [--pause MILLISECONDS] [--seconds 3]
      control   --listen ADDRESS:PORT --certificates FOLDER --name NAME --pods NAME/NODE/ADDRESS,...
                [--workloads 1000] [--policies 100]      takes commands on its standard input, until that ends
      bulk      --to ADDRESS:PORT --direction upload|download [--flows 1] [--megabytes 1024]
      allocations [--rounds 10000]
      decisions [--workloads 10000] [--policies 1000]

    """

func run(_ arguments: Arguments) throws -> String? {
    let loop = try EventLoop()
    switch arguments.mode {
    case "serve": return try serve(Server(on: arguments.endpoint("listen"), loop: loop), on: loop)
    case "bare":
        let relays = try BareRelays(
            role(arguments), on: arguments.endpoint("listen"), to: arguments.endpoint("to"),
            credentials: credentials(arguments), loop: loop)
        return serve(relays, on: loop)
    case "tunnel": return try serve(tunnel(arguments, loop), on: loop)
    case "pingpong":
        let load = try PingPong(
            to: arguments.endpoint("to"), byteCount: arguments.number("bytes", default: 64),
            rounds: arguments.number("rounds", default: 10_000), warmUpRounds: arguments.number("warmup", default: 500),
            seconds: arguments.number("seconds", default: 60), loop: loop)
        loop.run()
        return try outcome("\"round_trip_ns\": \(load.histogram)", load.failure)
    case "paced":
        Pace.sharpenSleep()
        let load = try Paced(
            to: arguments.endpoint("to"), byteCount: arguments.number("bytes", default: 1024),
            rate: arguments.number("rate", default: 1000), connections: arguments.number("connections", default: 4),
            seconds: arguments.number("seconds", default: 5), loop: loop)
        loop.run()
        return try outcome("\"request_ns\": \(load.histogram)", load.failure)
    case "connect": return try connect(arguments, loop)
    case "idle":
        let load = try Idle(
            to: arguments.endpoints("to"), total: arguments.number("total", default: 1000), loop: loop)
        loop.run()
        return try outcome("", load.failure)
    case "reach":
        let load = try Reach(
            to: arguments.endpoint("to"), atOnce: arguments.number("at-once", default: 4),
            pause: .milliseconds(arguments.number("pause", default: 1)),
            seconds: arguments.number("seconds", default: 3), loop: loop)
        loop.run()
        return try outcome("\"connections\": \(load.json)", load.failure)
    case "control": return try serve(control(arguments, loop), on: loop)
    case "bulk": return try bulk(arguments, loop)
    case "allocations": return try Allocations(rounds: arguments.number("rounds", default: 10_000), loop: loop).run()
    case "decisions":
        var decisions = try Decisions(
            workloadCount: arguments.number("workloads", default: 10_000),
            policyCount: arguments.number("policies", default: 1000))
        return try decisions.run()
    case let mode: throw Arguments.Problem(text: "\(mode): no such mode")
    }
}

/// Says that connections are welcome, and serves them until the process is ended.
func serve(_ server: AnyObject, on loop: EventLoop) -> String? {
    say("ready\n", to: STDOUT_FILENO)
    loop.run()
    withExtendedLifetime(server) {}
    return nil
}

func connect(_ arguments: Arguments, _ loop: EventLoop) throws -> String {
    let pause = try arguments.optionalNumber("pause").map { Duration.milliseconds($0) }
    let load = try Connections(
        to: arguments.endpoints("to"), total: arguments.number("total", default: 2000),
        atOnce: arguments.number("at-once", default: 1), pause: pause, loop: loop)
    loop.run()
    return try outcome(
        "\"connection_ns\": \(load.histogram), \"elapsed_ns\": \(load.elapsed.nanoseconds)", load.failure)
}

/// A control plane whose service leads to the last of the pods, at the first or the second port of the application.
func control(_ arguments: Arguments, _ loop: EventLoop) throws -> ControlSource {
    let pods = try arguments.text("pods").split(separator: ",").map { SyntheticMesh.Pod($0) }
    guard pods.allSatisfy({ $0 != nil }) else { throw Arguments.Problem(text: "--pods: NAME/NODE/ADDRESS,...") }
    let (folder, name) = (try arguments.text("certificates"), try arguments.text("name"))
    let context = try TLSContext.plainServer(
        chain: FileSystem.read("\(folder)/\(name).pem"), key: PrivateKey(pem: FileSystem.read("\(folder)/\(name).key")))
    let mesh = SyntheticMesh(
        workloadCount: try arguments.number("workloads", default: 1000),
        policyCount: try arguments.number("policies", default: 100))
    return try ControlSource(
        on: arguments.endpoint("listen"), context: context, mesh: mesh, pods: pods.compactMap { $0 },
        targetPorts: [9000, 9001], loop: loop)
}

func bulk(_ arguments: Arguments, _ loop: EventLoop) throws -> String {
    guard let direction = Bulk.Direction(rawValue: try arguments.text("direction")) else {
        throw Arguments.Problem(text: "--direction is upload or download")
    }
    let flows = try arguments.number("flows", default: 1)
    let byteCount = try arguments.number("megabytes", default: 1024) * 1_000_000 / flows
    let load = try Bulk(to: arguments.endpoint("to"), direction, flows: flows, byteCountPerFlow: byteCount, loop: loop)
    loop.run()
    return try outcome(
        "\"bytes\": \(byteCount * flows), \"elapsed_ns\": \(load.elapsed.nanoseconds)", load.failure)
}

func tunnel(_ arguments: Arguments, _ loop: EventLoop) throws -> AnyObject {
    let credentials = try credentials(arguments)
    switch try role(arguments) {
    case .server:
        return try TunnelAccepter(
            on: arguments.endpoint("listen"), application: arguments.endpoint("to"), credentials: credentials,
            loop: loop)
    case .client(let expected):
        guard let source = credentials.leaf.uris.first.flatMap({ SPIFFEID($0) }) else {
            throw Arguments.Problem(text: "the certificate names no SPIFFE id")
        }
        let route = TunnelOpener.Route(
            source: source, expected: expected, peer: try arguments.endpoint("to"),
            authority: try arguments.text("authority"))
        return try TunnelOpener(
            on: arguments.endpoint("listen"), route: route, credentials: credentials, loop: loop)
    }
}

func role(_ arguments: Arguments) throws -> BareRelays.Role {
    switch try arguments.text("role") {
    case "server": return .server
    case "client":
        guard let identity = SPIFFEID(try arguments.text("expect")) else {
            throw Arguments.Problem(text: "--expect is a SPIFFE id")
        }
        return .client(expecting: identity)
    case let text: throw Arguments.Problem(text: "--role \(text): client or server")
    }
}

/// NAME.pem, NAME.key and root.pem of a folder.
func credentials(_ arguments: Arguments) throws -> TLSCredentials {
    let folder = try arguments.text("certificates")
    let name = try arguments.text("name")
    return try TLSCredentials(
        chain: FileSystem.read("\(folder)/\(name).pem"),
        key: PrivateKey(pem: FileSystem.read("\(folder)/\(name).key")),
        roots: FileSystem.read("\(folder)/root.pem"))
}

struct LoadFailure: Error, CustomStringConvertible { let description: String }

func outcome(_ fields: String, _ failure: String?) throws -> String {
    if let failure { throw LoadFailure(description: failure) }
    return "{\(fields)}"
}

func say(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { _ = unsafe write(descriptor, $0.baseAddress, $0.count) }
}

ResourceLimits.raiseOpenFiles()
do {
    let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
    if let result = try run(arguments) { print(result) }
} catch let problem as Arguments.Problem {
    say("culvert-bench: \(problem.text)\n\(usage)", to: STDERR_FILENO)
    exit(2)
} catch {
    say("culvert-bench: \(error)\n", to: STDERR_FILENO)
    exit(1)
}
