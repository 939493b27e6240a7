/// How a service's connections spread over its endpoints.
public struct LoadBalancing: Hashable, Sendable {
    /// A property that a client and an endpoint may have in common.
    public enum Scope: Hashable, Sendable {
        case region
        case zone
        case subzone
        case node
        case cluster
        case network
    }

    /// Which endpoints come into question.
    public enum Mode: Hashable, Sendable {
        /// All endpoints alike.
        case standard
        /// Only endpoints that agree with the client in all preferences.
        case strict
        /// The endpoints that agree best.
        case failover
        /// None is chosen: the connection goes where the client sent it.
        case passthrough
    }

    /// Whether unhealthy endpoints come into question.
    public enum HealthPolicy: Hashable, Sendable {
        case onlyHealthy
        case allowAll
    }

    public var mode: Mode
    /// From the most important one.
    public var preferences: [Scope]
    public var healthPolicy: HealthPolicy

    public init(
        mode: Mode = .standard, preferences: [Scope] = [], healthPolicy: HealthPolicy = .onlyHealthy
    ) {
        self.mode = mode
        self.preferences = preferences
        self.healthPolicy = healthPolicy
    }
}
