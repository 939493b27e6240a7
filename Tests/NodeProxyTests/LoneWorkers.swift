import EventLoop
import Primitives
import System
import Telemetry
import Tunnel

@testable import NodeProxy

/// Workers without a control loop, whose loops a test turns itself, and what binds the listeners of their pods.
struct LoneWorkers {
    let workers: [Worker]
    let configuration: NodeConfiguration
    let home: NetworkNamespace

    /// - Parameter sink: takes what they log.
    init(on loops: [EventLoop], loggingTo sink: Int32) throws {
        var configuration = NodeConfiguration()
        (configuration.carriesConnections, configuration.answersNames) = (false, false)
        configuration.reusesPorts = false
        let settings = configuration
        let home = try NetworkNamespace.current()
        let logger = try Logger(filter: .standard, descriptor: sink)
        let links = loops.map { WorkerLink(mailbox: $0.mailbox) }
        workers = loops.enumerated().map { index, loop in
            Worker(
                loop: loop, index: index, links: links,
                control: ControlLink(fetchCertificate: { _, _ in }, learn: { _, _, _ in }, dispose: { _ in }),
                configuration: settings, logger: logger, home: home, budget: NodeReceiveBudget(),
                tunnelSources: SharedSourceCensus(countMax: 1), connectionSources: SharedSourceCensus(countMax: 1))
        }
        (self.configuration, self.home) = (settings, home)
    }

    /// The proxies of the pod `shop/web`, one on each worker.
    func web(_ census: PodCensus) throws -> [PodProxy] {
        let listeners = try PodListeners.bind(in: home, from: home, configuration)
        return workers.map {
            PodProxy(
                worker: $0, uid: "web", name: WorkloadName(name: "web", namespace: "shop", serviceAccount: "web"),
                namespace: home, listeners: listeners, census: census)
        }
    }
}
