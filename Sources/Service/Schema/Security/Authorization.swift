/// A policy as the node proxy enforces it (`istio.security.Authorization`). It fires if any of its groups does.
public struct Authorization: ProtobufMessage {
    public var name = ""
    public var namespace = ""
    public var scope = Scope.absent
    public var action = Action.absent
    public var groups: [Group] = []
    /// Decide and log, but do not enforce.
    public var dryRun = false
    public var extensions: [Extension] = []

    public init() {}

    public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
        try visitor.field(1, "name", &name)
        try visitor.field(2, "namespace", &namespace)
        try visitor.field(3, "scope", &scope)
        try visitor.field(4, "action", &action)
        try visitor.field(5, "groups", &groups)
        try visitor.field(6, "dryRun", &dryRun)
        try visitor.field(7, "extensions", &extensions)
    }
}

extension Authorization {
    /// To which workloads a policy applies.
    public struct Scope: ProtobufEnum {
        public static let names = ["GLOBAL", "NAMESPACE", "WORKLOAD_SELECTOR"]
        public static let global = Scope(rawValue: 0)
        public static let namespace = Scope(rawValue: 1)
        public static let workloadSelector = Scope(rawValue: 2)

        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }

    /// What a policy that fires does.
    public struct Action: ProtobufEnum {
        public static let names = ["ALLOW", "DENY"]
        public static let allow = Action(rawValue: 0)
        public static let deny = Action(rawValue: 1)

        public let rawValue: Int32
        public init(rawValue: Int32) { self.rawValue = rawValue }
    }

    /// Fires if all of its rules do; one without rules always fires.
    public struct Group: ProtobufMessage {
        public var rules: [Rules] = []

        public init() {}

        public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
            try visitor.field(1, "rules", &rules)
        }
    }

    /// Fire if any of the matches does.
    public struct Rules: ProtobufMessage {
        public var matches: [Match] = []

        public init() {}

        public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
            try visitor.field(2, "matches", &matches)
        }
    }
}
