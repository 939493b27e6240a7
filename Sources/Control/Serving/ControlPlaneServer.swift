public import Compiler
public import EventLoop
import Identity
import Manifests
public import Primitives
import RPC
import Signing
import System
import TLS
public import Telemetry

/// A control plane out of a folder of manifests: it follows them, tells nodes of the mesh and certifies their pods.
public final class ControlPlaneServer {
    /// What the operator decides.
    public struct Configuration: Sendable {
        /// The folder of manifests.
        public var manifests: String
        /// The folder of the root key and certificate, kept between starts.
        public var state: String
        /// The folder of the nodes' tokens.
        public var tokens: String
        public var listen: Endpoint
        /// The IP addresses and DNS names under which nodes know the server.
        public var names: [String]
        /// The path of a mesh configuration.
        public var meshConfig: String?
        /// Settings where no mesh configuration says anything.
        public var settings: MeshSettings

        public init(
            manifests: String, state: String, tokens: String, listen: Endpoint, names: [String],
            meshConfig: String? = nil, settings: MeshSettings = MeshSettings()
        ) {
            self.manifests = manifests
            self.state = state
            self.tokens = tokens
            self.listen = listen
            self.names = names
            self.meshConfig = meshConfig
            self.settings = settings
        }
    }

    private let configuration: Configuration
    private let loop: EventLoop
    private let logger: Logger
    private let authority: CertificateAuthority
    private let tokens: NodeTokens
    private let discovery: DiscoveryServer
    private let certificates: CertificateServer
    private let server: RPCServer
    private var source: MeshSource?

    /// Reads the first state and serves from then on.
    /// - Throws: when the manifests, the mesh's settings or the state folder cannot be read, or the address not be had.
    public init(_ configuration: Configuration, loop: EventLoop, logger: Logger) throws {
        self.configuration = configuration
        self.loop = loop
        self.logger = logger
        tokens = NodeTokens(path: configuration.tokens)
        discovery = DiscoveryServer(logger: logger)
        authority = try AuthorityFolder(path: configuration.state).open(
            organization: configuration.settings.trustDomain, now: WallClock.now())
        certificates = CertificateServer(issuer: CertificateIssuer(authority: authority), logger: logger)
        var options = RPCServerOptions()
        options.requestByteCountMax = Limits.discoveryRequestByteCountMax
        server = try RPCServer(
            on: configuration.listen, context: try Self.serverContext(authority, configuration), options: options,
            loop: loop)
        let source = MeshSource(
            manifests: configuration.manifests, meshConfig: configuration.meshConfig, base: configuration.settings,
            logger: logger
        ) { [weak self] in self?.adopt($0) }
        self.source = source
        serve()
        try source.start(on: loop)
        renewServerCertificateLater()
    }

    /// Where it listens.
    public var endpoint: Endpoint { server.endpoint }

    /// Ends following and serving at once.
    public func stop() {
        source?.stop()
        server.stop(grace: .zero)
    }

    /// Ends following and serving in order: nodes are told, calls that are under way are answered.
    /// - Parameter completion: called when no connection is left.
    public func drain(_ completion: @escaping () -> Void) {
        source?.stop()
        discovery.finish()
        server.stop(grace: Limits.controlDrainDuration, completion: completion)
    }

    private func serve() {
        server.admit = { [weak self] head in
            self?.node(of: head) == nil ? RPCStatus(.unauthenticated, "request authenticate failure") : nil
        }
        server.serve(
            DiscoveryServer.path,
            stream: { [weak self] (stream: RPCServerStream) in
                guard let self, let node = node(of: stream.head) else { return }
                discovery.accept(stream, node: node)
            })
        server.serve(
            CertificateServer.path,
            unary: { [weak self] head, message, answer in
                guard let self, let node = node(of: head) else { return }
                answer(certificates.answer(message, node: node))
            })
    }

    private func node(of head: RPCHead) -> String? {
        head.bearerToken.flatMap { tokens.node(for: $0, now: loop.now) }
    }

    private func adopt(_ state: MeshState) {
        var grants = IdentityGrants()
        var nodes = Set(state.objects.nodes.keys)
        for pod in state.objects.pods.values where !pod.nodeName.isEmpty {
            nodes.insert(pod.nodeName)
            guard pod.phase != .failed else { continue }
            let identity = SPIFFEID(
                trustDomain: state.settings.trustDomain, namespace: pod.metadata.name.namespace,
                serviceAccount: pod.serviceAccount)
            grants.grant(identity, to: pod.nodeName)
        }
        // A node asks for certificates as soon as it hears of its pods: what it may have must be known by then.
        certificates.grants = grants
        do throws(Errno) {
            try tokens.ensure(nodes)
        } catch {
            logger.log(.error, "ca", "cannot make tokens", [.text("error", error.description)])
        }
        discovery.publish(ResourceSnapshot(state.compiled))
        logger.log(
            .info, "manifests", "state",
            [
                .bare("addresses", state.compiled.addresses.count),
                .bare("authorizations", state.compiled.authorizations.count), .bare("nodes", nodes.count),
                .bare("refused", state.refusals.count), .bare("kept", state.kept.count),
            ])
        showRefusals(state)
    }

    /// Leaves in the state folder what is refused now, for whoever looks.
    private func showRefusals(_ state: MeshState) {
        var lines = state.refusals.map(\.description)
        lines += state.kept.map { "\($0): the last good version stays in force" }
        let text = lines.map { $0 + "\n" }.joined()
        let path = "\(configuration.state)/refused"
        do throws(Errno) {
            guard (try? FileSystem.read(path)) != Array(text.utf8) else { return }
            try FileSystem.write(Array(text.utf8), to: path, mode: 0o644)
        } catch {
            logger.log(.error, "manifests", "cannot write \(path)", [.text("error", error.description)])
        }
    }

    private static func serverContext(
        _ authority: CertificateAuthority, _ configuration: Configuration
    ) throws(TLSFailure) -> TLSContext {
        try authority.serverContext(
            names: configuration.names, lifetime: Limits.serverCertificateLifetime, now: WallClock.now())
    }

    /// Connections keep what they began with; new ones are shown the new certificate.
    private func renewServerCertificateLater() {
        loop.after(Limits.serverCertificateRenewal) { [weak self] in
            guard let self else { return }
            do throws(TLSFailure) {
                server.context = try Self.serverContext(authority, configuration)
            } catch {
                logger.log(.error, "ca", "cannot renew the server's certificate", [.text("error", error.description)])
            }
            renewServerCertificateLater()
        }
    }
}

@available(*, unavailable) extension ControlPlaneServer: Sendable {}
