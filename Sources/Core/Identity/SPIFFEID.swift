/// The identity of a workload: `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/SERVICE-ACCOUNT`.
public struct SPIFFEID: Hashable, Sendable {
    public let trustDomain: String
    public let namespace: String
    public let serviceAccount: String

    public init(trustDomain: String, namespace: String, serviceAccount: String) {
        self.trustDomain = trustDomain
        self.namespace = namespace
        self.serviceAccount = serviceAccount
    }

    /// The identity without its scheme, the form that policies speak of: `cluster.local/ns/shop/sa/cart`.
    public var principal: String { "\(trustDomain)/ns/\(namespace)/sa/\(serviceAccount)" }

    private static let scheme = "spiffe://"
}

extension SPIFFEID: LosslessStringConvertible {
    /// Nil for every other form of URI. Source: ztunnel, which compares parts as they are: no case folding, no
    /// decoding. Characters outside ASCII are in no URI, and are refused because texts that differ in them can compare
    /// equal.
    public init?(_ description: String) {
        guard description.utf8.starts(with: Self.scheme.utf8), description.utf8.allSatisfy({ $0 < 0x80 }) else {
            return nil
        }
        let path = description.utf8.dropFirst(Self.scheme.utf8.count)
        let parts = path.split(separator: UInt8(ascii: "/"), maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 5, parts[1].elementsEqual("ns".utf8), parts[3].elementsEqual("sa".utf8) else { return nil }
        let text = parts.map { String(Substring($0)) }
        self.init(trustDomain: text[0], namespace: text[2], serviceAccount: text[4])
    }

    public var description: String { "\(Self.scheme)\(principal)" }
}
