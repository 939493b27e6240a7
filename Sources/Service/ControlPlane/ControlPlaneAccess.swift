public import EventLoop
public import Primitives
public import RPC
public import TLS

/// How a control plane is reached and how we show who we are; the same for discovery and for the CA.
public struct ControlPlaneAccess: Sendable {
    public var target: RPCTarget
    public var trust: TrustSource
    /// A name that the server's certificate may carry instead of the target's.
    public var alternativeName: String?
    /// Sent with each request, names in lower case.
    public var headers: [(name: String, value: String)] = []
    public var token: BearerToken?
    public var clusterID = "Kubernetes"
    /// Versions and key exchange of its connections.
    public var tls = TLSOptions()
    /// How long its connections wait for the server.
    public var timing = RPCTiming()

    public init(target: RPCTarget, trust: TrustSource) {
        self.target = target
        self.trust = trust
    }

    /// A channel that trusts the roots as they are now.
    public func channel(on loop: EventLoop) throws(AccessFailure) -> RPCChannel {
        try channel(on: loop, roots: trust.read())
    }

    /// Fields for one call: the token as it is now, and the cluster.
    public func metadata() throws(AccessFailure) -> [HTTPField] {
        guard let token else { return [] }
        return [
            HTTPField("authorization", "Bearer \(try token.read())"), HTTPField("clusterid", clusterID),
        ]
    }

    func channel(on loop: EventLoop, roots: [UInt8]?) throws(AccessFailure) -> RPCChannel {
        var options = RPCChannelOptions()
        options.alternativeNames = alternativeName.map { [$0] } ?? []
        options.timing = timing
        options.extraFields = headers.map { HTTPField($0.name, $0.value) }
        do {
            let context = try TLSContext.serverAuthenticated(roots: roots, options: tls)
            return RPCChannel(target: target, context: context, options: options, loop: loop)
        } catch {
            throw AccessFailure("cannot use the root certificates: \(error)")
        }
    }
}
