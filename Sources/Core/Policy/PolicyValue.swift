public import Identity
public import Primitives

/// One value that an attribute of a connection is compared to. `PolicyMatch` says which attributes there are.
public enum PolicyValue: Sendable {
    case namespace(StringMatch)
    case account(ServiceAccountName)
    case principal(StringMatch)
    case source(IPPrefix)
    case destination(IPPrefix)
    case port(UInt16)

    /// Whether the connection has the value.
    func isMet(by context: PolicyContext) -> Bool {
        switch self {
        case .namespace(let pattern): pattern.matches(context.identity?.namespace ?? "")
        case .account(let account): account == context.account
        case .principal(let pattern): context.principal.map(pattern.matches) ?? false
        case .source(let network): network.contains(context.source)
        case .destination(let network): network.contains(context.destination.address)
        case .port(let port): port == context.destination.port
        }
    }
}

/// One of the conditions of a match: an attribute, and whether the connection must have one of the values or none.
struct PolicyCondition: Equatable, Sendable {
    /// The place among the conditions of a match.
    let order: UInt8

    init(_ value: PolicyValue, isNegated: Bool) {
        let attribute: UInt8 =
            switch value {
            case .namespace: 0
            case .principal: 1
            case .source: 2
            case .destination: 3
            case .port: 4
            case .account: 5
            }
        order = attribute << 1 | (isNegated ? 1 : 0)
    }

    var isNegated: Bool { order & 1 != 0 }
}
