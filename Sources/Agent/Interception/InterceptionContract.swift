/// The numbers and names that the agent, the node proxy and other implementations agree on (istio-cni and ztunnel).
public enum InterceptionContract {
    /// The mark of every packet that the node proxy sends from a pod's namespace.
    public static let proxyMark: UInt32 = 0x539
    /// The mark of connections whose replies must come back to the node proxy.
    public static let replyMark: UInt32 = 0x111
    /// The bits of a packet's mark that belong to the mesh.
    public static let markMask: UInt32 = 0xfff
    /// The routing table that delivers marked packets locally.
    public static let routeTable = 100
    /// The preference of the routing rule that selects `routeTable`.
    public static let routeRulePreference = 32764

    /// Where captured plaintext from the pod goes.
    public static let outboundPort: UInt16 = 15001
    /// Where captured plaintext to the pod goes.
    public static let inboundPort: UInt16 = 15006
    /// Where tunnels arrive; never redirected.
    public static let tunnelPort: UInt16 = 15008
    /// Where captured name lookups go.
    public static let dnsPort: UInt16 = 15053

    /// The chain of ours that packets coming in go through.
    public static let preroutingChain = "ISTIO_PRERT"
    /// The chain of ours that packets of the pod go through.
    public static let outputChain = "ISTIO_OUTPUT"
    /// What the names of all chains of the mesh begin with.
    public static let chainPrefix = "ISTIO_"

    /// `0x539/0xfff`: the proxy's mark in the words of iptables.
    static let proxyMarkText = markText(proxyMark)
    /// `0x111/0xfff`: the reply mark in the words of iptables and ip-rule.
    static let replyMarkText = markText(replyMark)

    private static func markText(_ mark: UInt32) -> String {
        "0x\(String(mark, radix: 16))/0x\(String(markMask, radix: 16))"
    }
}
