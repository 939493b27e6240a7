public import Primitives

/// The routing of marked packets in a pod's namespace: replies to the node proxy, which speaks from the client's own
/// address, are delivered locally instead of leaving for the client. Values are the arguments of `ip`.
public struct PodRouting: Equatable, Sendable {
    public let family: IPAddress.Family

    public init(family: IPAddress.Family) { self.family = family }

    private var flag: String { family == .v4 ? "-4" : "-6" }
    private var everywhere: String { family == .v4 ? "0.0.0.0/0" : "::/0" }
    private var table: String { String(InterceptionContract.routeTable) }

    private var ruleWords: [String] {
        [
            "fwmark", InterceptionContract.replyMarkText, "pref", String(InterceptionContract.routeRulePreference),
            "lookup", table,
        ]
    }

    /// Makes the route; the same again is no error.
    public var routeInstallation: [String] {
        [flag, "route", "replace", "local", everywhere, "dev", "lo", "table", table]
    }

    /// Makes the rule; fails with `File exists` where it is there.
    public var ruleInstallation: [String] { [flag, "rule", "add"] + ruleWords }

    /// Takes the rule away.
    public var ruleRemoval: [String] { [flag, "rule", "del"] + ruleWords }

    /// Takes the route away.
    public var routeRemoval: [String] { [flag, "route", "del", "local", everywhere, "dev", "lo", "table", table] }
}
