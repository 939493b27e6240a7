public import Primitives

extension RuleSet {
    /// The rules in a pod's namespace that bring its traffic to the node proxy (istio-cni).
    public init(pod options: CaptureOptions, family: IPAddress.Family, probeSource: ProbeSource = .standard) {
        self.family = family
        let builder = PodRules(options: options, family: family, probe: probeSource[family].description)
        tables = [builder.mangle, builder.nat] + (options.capturesDNS ? [builder.raw] : [])
    }
}

/// Writes the tables of one pod and family.
private struct PodRules {
    private typealias Contract = InterceptionContract

    let options: CaptureOptions
    /// The family's loopback network. Traffic to it never leaves the pod and is nobody's business.
    let loopback: String
    /// The family's address of probes.
    let probe: String

    init(options: CaptureOptions, family: IPAddress.Family, probe: String) {
        self.options = options
        self.probe = probe
        loopback = family == .v4 ? "127.0.0.1/32" : "::1/128"
    }

    /// The node proxy reaches the application from the client's own address. The first rule remembers such
    /// connections, the second marks the application's answers on them, so that routing brings them back to the proxy
    /// instead of sending them out to the client.
    var mangle: RuleSet.Table {
        table(
            "mangle",
            jump("PREROUTING", to: Contract.preroutingChain),
            jump("OUTPUT", to: Contract.outputChain),
            incoming("-m mark --mark \(Contract.proxyMarkText) -j CONNMARK --set-xmark \(Contract.replyMarkText)"),
            outgoing(
                """
                -m connmark --mark \(Contract.replyMarkText) \
                -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
                """)
        )
    }

    var nat: RuleSet.Table {
        let notProxy = "-m mark ! --mark \(Contract.proxyMarkText)"
        var rules = [
            jump("OUTPUT", to: Contract.outputChain),
            jump("PREROUTING", to: Contract.preroutingChain),
        ]
        for name in options.virtualInterfaces {
            rules.append(incoming("-i \(name) -p tcp -j REDIRECT --to-ports \(Contract.outboundPort)"))
            rules.append(incoming("-i \(name) -p tcp -j RETURN"))
        }
        if options.capturesInbound { rules.append(incoming("-s \(probe) -p tcp -m tcp -j ACCEPT")) }
        rules.append(outgoing("-d \(probe) -p tcp -m tcp -j ACCEPT"))
        if options.capturesInbound {
            rules.append(
                incoming(
                    """
                    ! -d \(loopback) -p tcp ! --dport \(Contract.tunnelPort) \(notProxy) \
                    -j REDIRECT --to-ports \(Contract.inboundPort)
                    """))
        }
        if options.capturesDNS {
            let redirect = "-j REDIRECT --to-ports \(Contract.dnsPort)"
            rules.append(outgoing("! -o lo -p udp \(notProxy) -m udp --dport 53 \(redirect)"))
            rules.append(outgoing("! -d \(loopback) -p tcp --dport 53 \(notProxy) \(redirect)"))
        }
        rules.append(outgoing("-p tcp -m mark --mark \(Contract.replyMarkText) -j ACCEPT"))
        // The application calls its own pod's address.
        rules.append(outgoing("! -d \(loopback) -o lo -j ACCEPT"))
        rules.append(
            outgoing("! -d \(loopback) -p tcp \(notProxy) -j REDIRECT --to-ports \(Contract.outboundPort)"))
        return table("nat", rules)
    }

    /// The proxy's own lookups live in a connection tracking zone of their own, lest their source ports collide with
    /// those of the application's redirected ones.
    var raw: RuleSet.Table {
        let proxy = "-m mark --mark \(Contract.proxyMarkText)"
        let notProxy = "-m mark ! --mark \(Contract.proxyMarkText)"
        return table(
            "raw",
            jump("PREROUTING", to: Contract.preroutingChain),
            jump("OUTPUT", to: Contract.outputChain),
            outgoing("-p udp \(proxy) -m udp --dport 53 -j CT --zone 1"),
            incoming("-p udp \(notProxy) -m udp --sport 53 -j CT --zone 1")
        )
    }

    private func table(_ name: String, _ rules: RuleSet.Rule...) -> RuleSet.Table { table(name, rules) }

    private func table(_ name: String, _ rules: [RuleSet.Rule]) -> RuleSet.Table {
        RuleSet.Table(name: name, chains: [Contract.preroutingChain, Contract.outputChain], rules: rules)
    }

    private func jump(_ chain: String, to target: String) -> RuleSet.Rule {
        RuleSet.Rule(chain: chain, words: ["-j", target])
    }

    private func incoming(_ words: String) -> RuleSet.Rule { rule(Contract.preroutingChain, words) }

    private func outgoing(_ words: String) -> RuleSet.Rule { rule(Contract.outputChain, words) }

    private func rule(_ chain: String, _ words: String) -> RuleSet.Rule {
        RuleSet.Rule(chain: chain, words: words.split(separator: " ").map(String.init))
    }
}
