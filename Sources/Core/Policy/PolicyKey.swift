import Identity
import Primitives

/// What a connection must have for a rule to match, as a hash: exact values of some attributes together. The policies
/// of a connection are found by its keys. Values that differ may have equal hashes, so whatever is found is still to be
/// matched.
struct PolicyKey: Hashable, Sendable {
    /// Which attributes a key is made of. A connection has one key of each kind, or none.
    struct Kind: Hashable, Sendable {
        /// By what the peer is named: whichever says most.
        enum Name: UInt8, Sendable {
            case none, principal, account, namespace
        }

        /// The size of a network, of which its address is a part of the key.
        struct NetworkSize: Hashable, Sendable {
            let family: IPAddress.Family
            let length: UInt8

            init(_ prefix: IPPrefix) {
                family = prefix.address.family
                length = prefix.length
            }

            /// The network of this size around an address; nil for one of the other family.
            func network(around address: IPAddress) -> IPPrefix? {
                address.family == family ? IPPrefix(address, length: Int(length))?.network : nil
            }
        }

        var name = Name.none
        var source: NetworkSize?
        var destination: NetworkSize?
        var hasPort = false
    }

    let hash: UInt32
    /// The index of the rule in its policy.
    let rule: UInt32
    let kind: Kind
}

/// Hashes of the values of single attributes. Those of several are combined by exclusive or.
enum PolicyAttributeHash {
    static func name(_ kind: PolicyKey.Kind.Name, _ text: String) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(kind.rawValue)
        hasher.combine(text)
        return UInt64(truncatingIfNeeded: hasher.finalize())
    }

    static func account(_ account: ServiceAccountName) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(PolicyKey.Kind.Name.account.rawValue)
        hasher.combine(account.namespace)
        hasher.combine(account.serviceAccount)
        return UInt64(truncatingIfNeeded: hasher.finalize())
    }

    static func source(_ network: IPPrefix) -> UInt64 { hash(network, salt: 1) }
    static func destination(_ network: IPPrefix) -> UInt64 { hash(network, salt: 2) }
    static func port(_ port: UInt16) -> UInt64 { Draw.mixed(UInt64(port) | 3 << 62) }

    private static func hash(_ network: IPPrefix, salt: UInt64) -> UInt64 {
        let size = UInt64(network.length) << 8 | UInt64(network.address.family.rawValue)
        return Draw.mixed(Draw.mixed(Draw.mixed(size | salt << 62) ^ network.address.high) ^ network.address.low)
    }
}

/// The keys of one connection.
struct PolicyConnectionKeys {
    private let context: PolicyContext
    private let principal: UInt64?
    private let account: UInt64?
    private let namespace: UInt64
    private let port: UInt64

    init(_ context: PolicyContext) {
        self.context = context
        principal = context.principal.map { PolicyAttributeHash.name(.principal, $0) }
        account = context.account.map(PolicyAttributeHash.account)
        namespace = PolicyAttributeHash.name(.namespace, context.identity?.namespace ?? "")
        port = PolicyAttributeHash.port(context.destination.port)
    }

    /// The hash of the key of this kind; nil when the connection has none.
    func hash(_ kind: PolicyKey.Kind) -> UInt32? {
        var hash: UInt64 = 0
        switch kind.name {
        case .none: break
        case .principal:
            guard let principal else { return nil }
            hash ^= principal
        case .account:
            guard let account else { return nil }
            hash ^= account
        case .namespace: hash ^= namespace
        }
        if let size = kind.source {
            guard let network = size.network(around: context.source) else { return nil }
            hash ^= PolicyAttributeHash.source(network)
        }
        if let size = kind.destination {
            guard let network = size.network(around: context.destination.address) else { return nil }
            hash ^= PolicyAttributeHash.destination(network)
        }
        if kind.hasPort { hash ^= port }
        return UInt32(truncatingIfNeeded: hash >> 32)
    }
}
