public import YAML

/// An Istio AuthorizationPolicy. Fields that are not known are refused: a condition passed over would be a hole.
public struct AuthorizationPolicy: Hashable, Sendable {
    /// What a policy that applies does.
    public enum Action: String, Hashable, Sendable {
        case allow = "ALLOW"
        case deny = "DENY"
        case audit = "AUDIT"
        case custom = "CUSTOM"
    }

    /// Values that count and values that must not.
    public struct Condition: Hashable, Sendable {
        public var values: [String]
        public var notValues: [String]
        public var isEmpty: Bool { values.isEmpty && notValues.isEmpty }
    }

    /// Who connects: all of its conditions must hold.
    public struct Source: Hashable, Sendable {
        public var principals: Condition
        public var namespaces: Condition
        public var serviceAccounts: Condition
        public var ipBlocks: Condition
        /// Whether it has conditions that only HTTP knows.
        public var hasHTTPConditions: Bool
    }

    /// What is connected to: all of its conditions must hold.
    public struct Operation: Hashable, Sendable {
        public var ports: Condition
        /// Whether it has conditions that only HTTP knows.
        public var hasHTTPConditions: Bool
    }

    /// A condition on one attribute of a connection.
    public struct When: Hashable, Sendable {
        public var key: String
        public var condition: Condition
    }

    /// Holds when one of each list does, and all of `when`; an empty list does not count.
    public struct Rule: Hashable, Sendable {
        public var from: [Source]
        public var to: [Operation]
        public var when: [When]
    }

    public var metadata: ObjectMetadata
    /// Nil when the policy is for the whole namespace.
    public var selector: LabelSelector?
    /// Whether it is attached to a gateway or service instead of workloads.
    public var hasTargets: Bool
    public var action: Action
    public var rules: [Rule]

    /// - Throws: with the line, for fields of another type and for values that mean nothing.
    public init(_ document: YAMLValue) throws(YAMLError) {
        metadata = try ObjectMetadata(document)
        let spec = try document.member("spec") ?? YAMLValue(line: document.line, .mapping([]))
        try spec.allowOnly(["selector", "targetRef", "targetRefs", "action", "rules", "provider"])
        if let value = try spec.member("selector") { selector = try LabelSelector(value) }
        let targets = try spec.elements(at: "targetRefs")
        hasTargets = try spec.member("targetRef") != nil || !targets.isEmpty
        let action = try spec.string(at: "action") ?? "ALLOW"
        guard let known = Action(rawValue: action) else {
            throw YAMLError(line: spec["action"]?.line ?? spec.line, reason: "unknown action \(action)")
        }
        self.action = known
        rules = []
        for rule in try spec.elements(at: "rules") { rules.append(try Rule(rule)) }
    }
}

extension AuthorizationPolicy.Condition {
    /// The lists under `name` and under its negation, such as `ports` and `notPorts`.
    init(_ value: YAMLValue, _ name: String) throws(YAMLError) {
        values = try value.stringList(at: name)
        notValues = try value.stringList(at: Self.negation(name))
    }

    static func negation(_ name: String) -> String { "not\(name.prefix(1).uppercased())\(name.dropFirst())" }
}

extension AuthorizationPolicy.Rule {
    init(_ value: YAMLValue) throws(YAMLError) {
        try value.allowOnly(["from", "to", "when"])
        from = []
        to = []
        when = []
        for element in try value.elements(at: "from") {
            try element.allowOnly(["source"])
            from.append(
                try AuthorizationPolicy.Source(element.member("source") ?? YAMLValue(line: element.line, .mapping([]))))
        }
        for element in try value.elements(at: "to") {
            try element.allowOnly(["operation"])
            to.append(
                try AuthorizationPolicy.Operation(
                    element.member("operation") ?? YAMLValue(line: element.line, .mapping([]))))
        }
        for element in try value.elements(at: "when") {
            try element.allowOnly(["key", "values", "notValues"])
            when.append(
                AuthorizationPolicy.When(
                    key: try element.string(at: "key") ?? "",
                    condition: try AuthorizationPolicy.Condition(element, "values")))
        }
    }
}

extension AuthorizationPolicy.Source {
    private static let carried = ["principals", "namespaces", "serviceAccounts", "ipBlocks"]
    private static let http = ["requestPrincipals", "remoteIpBlocks"]
    /// Known, but of no effect at this layer.
    private static let ignored = ["trustDomains"]

    init(_ value: YAMLValue) throws(YAMLError) {
        try value.allowOnly(
            Set(
                (Self.carried + Self.http + Self.ignored).flatMap {
                    [$0, AuthorizationPolicy.Condition.negation($0)]
                }))
        principals = try AuthorizationPolicy.Condition(value, "principals")
        namespaces = try AuthorizationPolicy.Condition(value, "namespaces")
        serviceAccounts = try AuthorizationPolicy.Condition(value, "serviceAccounts")
        ipBlocks = try AuthorizationPolicy.Condition(value, "ipBlocks")
        hasHTTPConditions = false
        for name in Self.http where try !AuthorizationPolicy.Condition(value, name).isEmpty { hasHTTPConditions = true }
    }
}

extension AuthorizationPolicy.Operation {
    private static let http = ["hosts", "methods", "paths"]

    init(_ value: YAMLValue) throws(YAMLError) {
        try value.allowOnly(Set((["ports"] + Self.http).flatMap { [$0, AuthorizationPolicy.Condition.negation($0)] }))
        ports = try AuthorizationPolicy.Condition(value, "ports")
        hasHTTPConditions = false
        for name in Self.http where try !AuthorizationPolicy.Condition(value, name).isEmpty { hasHTTPConditions = true }
    }
}
