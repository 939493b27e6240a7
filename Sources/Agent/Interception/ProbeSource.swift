public import Primitives

/// The addresses from which the node's own health probes arrive in a pod; the rules let them pass the proxy by.
public struct ProbeSource: Equatable, Sendable {
    public let v4: IPAddress
    public let v6: IPAddress

    /// Nil when the families do not fit.
    public init?(v4: IPAddress, v6: IPAddress) {
        guard v4.family == .v4, v6.family == .v6 else { return nil }
        self.v4 = v4
        self.v6 = v6
    }

    private init(v4: UInt32, v6High: UInt64, v6Low: UInt64) {
        self.v4 = IPAddress(v4: v4)
        self.v6 = IPAddress(v6High: v6High, low: v6Low)
    }

    /// 169.254.7.127 and fd16:9254:7127:1337:ffff:ffff:ffff:ffff (istio-cni).
    public static let standard = ProbeSource(
        v4: 0xa9fe_077f, v6High: 0xfd16_9254_7127_1337, v6Low: 0xffff_ffff_ffff_ffff)

    /// The address of one family.
    public subscript(family: IPAddress.Family) -> IPAddress { family == .v4 ? v4 : v6 }
}
