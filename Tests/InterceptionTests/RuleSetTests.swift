import Interception
import Primitives
import Testing

/// The expected lines are istio-cni's own, in its order, with one spelling of `--to-ports`.
@Suite struct RuleSetTests {
    private let mangle = """
        *mangle
        -N ISTIO_PRERT
        -N ISTIO_OUTPUT
        -A PREROUTING -j ISTIO_PRERT
        -A OUTPUT -j ISTIO_OUTPUT
        -A ISTIO_PRERT -m mark --mark 0x539/0xfff -j CONNMARK --set-xmark 0x111/0xfff
        -A ISTIO_OUTPUT -m connmark --mark 0x111/0xfff \
        -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
        COMMIT

        """

    private let raw = """
        *raw
        -N ISTIO_PRERT
        -N ISTIO_OUTPUT
        -A PREROUTING -j ISTIO_PRERT
        -A OUTPUT -j ISTIO_OUTPUT
        -A ISTIO_OUTPUT -p udp -m mark --mark 0x539/0xfff -m udp --dport 53 -j CT --zone 1
        -A ISTIO_PRERT -p udp -m mark ! --mark 0x539/0xfff -m udp --sport 53 -j CT --zone 1
        COMMIT

        """

    @Test func `with lookups captured, IPv4 has three tables`() {
        let rules = RuleSet(pod: CaptureOptions(capturesDNS: true), family: .v4)
        #expect(
            rules.installation == mangle + """
                *nat
                -N ISTIO_PRERT
                -N ISTIO_OUTPUT
                -A OUTPUT -j ISTIO_OUTPUT
                -A PREROUTING -j ISTIO_PRERT
                -A ISTIO_PRERT -s 169.254.7.127 -p tcp -m tcp -j ACCEPT
                -A ISTIO_OUTPUT -d 169.254.7.127 -p tcp -m tcp -j ACCEPT
                -A ISTIO_PRERT ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m mark ! --mark 0x539/0xfff \
                -j REDIRECT --to-ports 15006
                -A ISTIO_OUTPUT ! -o lo -p udp -m mark ! --mark 0x539/0xfff -m udp --dport 53 \
                -j REDIRECT --to-ports 15053
                -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -p tcp --dport 53 -m mark ! --mark 0x539/0xfff \
                -j REDIRECT --to-ports 15053
                -A ISTIO_OUTPUT -p tcp -m mark --mark 0x111/0xfff -j ACCEPT
                -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ACCEPT
                -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001
                COMMIT

                """ + raw)
    }

    @Test func `without lookups captured, nothing speaks of port 53`() {
        let rules = RuleSet(pod: CaptureOptions(capturesDNS: false), family: .v4)
        #expect(
            rules.installation == mangle + """
                *nat
                -N ISTIO_PRERT
                -N ISTIO_OUTPUT
                -A OUTPUT -j ISTIO_OUTPUT
                -A PREROUTING -j ISTIO_PRERT
                -A ISTIO_PRERT -s 169.254.7.127 -p tcp -m tcp -j ACCEPT
                -A ISTIO_OUTPUT -d 169.254.7.127 -p tcp -m tcp -j ACCEPT
                -A ISTIO_PRERT ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m mark ! --mark 0x539/0xfff \
                -j REDIRECT --to-ports 15006
                -A ISTIO_OUTPUT -p tcp -m mark --mark 0x111/0xfff -j ACCEPT
                -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ACCEPT
                -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001
                COMMIT

                """)
    }

    @Test func `IPv6 has the same rules with its own loopback and probe addresses`() throws {
        let v4 = try #require(IPAddress("169.254.7.127"))
        let v6 = try #require(IPAddress("e9ac:1e77:90ca:399f:4d6d:ece2:2f9b:3164"))
        let probe = try #require(ProbeSource(v4: v4, v6: v6))
        let options = CaptureOptions(
            capturesDNS: false, virtualInterfaces: ["fake1s0f0", "fake1s0f1"].compactMap { InterfaceName($0) })
        #expect(
            RuleSet(pod: options, family: .v6, probeSource: probe).installation == mangle + """
                *nat
                -N ISTIO_PRERT
                -N ISTIO_OUTPUT
                -A OUTPUT -j ISTIO_OUTPUT
                -A PREROUTING -j ISTIO_PRERT
                -A ISTIO_PRERT -i fake1s0f0 -p tcp -j REDIRECT --to-ports 15001
                -A ISTIO_PRERT -i fake1s0f0 -p tcp -j RETURN
                -A ISTIO_PRERT -i fake1s0f1 -p tcp -j REDIRECT --to-ports 15001
                -A ISTIO_PRERT -i fake1s0f1 -p tcp -j RETURN
                -A ISTIO_PRERT -s e9ac:1e77:90ca:399f:4d6d:ece2:2f9b:3164 -p tcp -m tcp -j ACCEPT
                -A ISTIO_OUTPUT -d e9ac:1e77:90ca:399f:4d6d:ece2:2f9b:3164 -p tcp -m tcp -j ACCEPT
                -A ISTIO_PRERT ! -d ::1/128 -p tcp ! --dport 15008 -m mark ! --mark 0x539/0xfff \
                -j REDIRECT --to-ports 15006
                -A ISTIO_OUTPUT -p tcp -m mark --mark 0x111/0xfff -j ACCEPT
                -A ISTIO_OUTPUT ! -d ::1/128 -o lo -j ACCEPT
                -A ISTIO_OUTPUT ! -d ::1/128 -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001
                COMMIT

                """)
    }

    @Test func `an ingress pod keeps its inbound traffic, also from virtual interfaces' neighbours`() {
        var options = CaptureOptions(capturesDNS: false, capturesInbound: false)
        let ingress = """
            *nat
            -N ISTIO_PRERT
            -N ISTIO_OUTPUT
            -A OUTPUT -j ISTIO_OUTPUT
            -A PREROUTING -j ISTIO_PRERT

            """
        let outbound = """
            -A ISTIO_OUTPUT -d 169.254.7.127 -p tcp -m tcp -j ACCEPT
            -A ISTIO_OUTPUT -p tcp -m mark --mark 0x111/0xfff -j ACCEPT
            -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -o lo -j ACCEPT
            -A ISTIO_OUTPUT ! -d 127.0.0.1/32 -p tcp -m mark ! --mark 0x539/0xfff -j REDIRECT --to-ports 15001
            COMMIT

            """
        #expect(RuleSet(pod: options, family: .v4).installation == mangle + ingress + outbound)
        options.virtualInterfaces = ["br0"].compactMap { InterfaceName($0) }
        let bridge = """
            -A ISTIO_PRERT -i br0 -p tcp -j REDIRECT --to-ports 15001
            -A ISTIO_PRERT -i br0 -p tcp -j RETURN

            """
        #expect(RuleSet(pod: options, family: .v4).installation == mangle + ingress + bridge + outbound)
    }

    @Test func `the check asks for each rule and makes none`() {
        let rules = RuleSet(pod: CaptureOptions(capturesDNS: true), family: .v4)
        let made = rules.installation.split(separator: "\n").filter { $0.hasPrefix("-A ") }
            .map { "-C" + $0.dropFirst(2) }
        #expect(rules.check.split(separator: "\n").filter { $0.hasPrefix("-") }.map(String.init) == made)
    }

    @Test func `routing is spelled as istio-cni does`() {
        let routing = PodRouting(family: .v6)
        #expect(routing.routeInstallation.joined(separator: " ") == "-6 route replace local ::/0 dev lo table 100")
        #expect(
            routing.ruleInstallation.joined(separator: " ") == "-6 rule add fwmark 0x111/0xfff pref 32764 lookup 100")
        #expect(PodRouting(family: .v4).routeInstallation.contains("0.0.0.0/0"))
    }
}
