import EventLoop
import Primitives
import Serving
import System
import Telemetry

/// Without a command: serves until a signal ends it.
enum ServeCommand {
    static func run(_ arguments: Arguments) throws {
        let state = try arguments.required("state")
        guard let listen = Endpoint(arguments.optional("listen") ?? "0.0.0.0:15012") else {
            throw UsageError("--listen needs ADDRESS:PORT")
        }
        guard let filter = LogFilter.standard.adding(arguments.optional("log") ?? "info") else {
            throw UsageError("--log needs a level, or levels by scope")
        }
        let configuration = ControlPlaneServer.Configuration(
            manifests: try arguments.required("manifests"), state: state,
            tokens: arguments.optional("tokens") ?? "\(state)/tokens", listen: listen,
            names: names(arguments, listen), meshConfig: arguments.optional("mesh-config"),
            settings: Settings.fromEnvironment())
        let loop = try EventLoop()
        let signals = try SignalFollower([SignalQueue.terminate, SignalQueue.interrupt], loop: loop)
        let logger = try Logger(filter: filter)
        let control = try ControlPlaneServer(configuration, loop: loop, logger: logger)
        logger.log(.info, "control", "serving", [.text("address", control.endpoint.description)])
        signals.received = { [unowned signals] _ in
            // A second signal does not wait for anybody.
            signals.received = { _ in loop.stop() }
            logger.log(.info, "control", "shutdown, nodes go on with what they know")
            control.drain { loop.stop() }
        }
        loop.run()
        signals.stop()
        logger.flush()
    }

    /// The names given, and those that are true anyway.
    private static func names(_ arguments: Arguments, _ listen: Endpoint) -> [String] {
        var names = arguments.all("host")
        if !listen.address.isUnspecified { names.append(listen.address.description) }
        for name in ["localhost", "127.0.0.1", "istiod.istio-system.svc"] where !names.contains(name) {
            names.append(name)
        }
        return names
    }
}
