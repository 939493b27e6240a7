import Interception
import Testing

@Suite struct CaptureOptionsTests {
    private func read(_ annotations: [String: String], byDefault: Bool = false) -> (CaptureOptions, [String]) {
        var ignored: [String] = []
        let options = CaptureOptions(annotations: annotations, capturesDNSByDefault: byDefault, ignored: &ignored)
        return (options, ignored)
    }

    @Test func `without annotations the default holds`() {
        #expect(read([:], byDefault: true).0 == CaptureOptions(capturesDNS: true))
        #expect(read([:], byDefault: false).0 == CaptureOptions(capturesDNS: false))
    }

    @Test func `annotations override the default in both directions`() {
        #expect(!read(["ambient.istio.io/dns-capture": "false"], byDefault: true).0.capturesDNS)
        #expect(read(["ambient.istio.io/dns-capture": "T"]).0.capturesDNS)
        #expect(!read(["ambient.istio.io/bypass-inbound-capture": "true"]).0.capturesInbound)
    }

    @Test func `a value that means nothing changes nothing and is told`() {
        let (options, ignored) = read(
            ["ambient.istio.io/dns-capture": "yes", "ambient.istio.io/bypass-inbound-capture": ""], byDefault: true)
        #expect(options == CaptureOptions(capturesDNS: true))
        #expect(ignored.count == 2)
    }

    @Test func `interfaces are trimmed, kept once, and refused when they are more than a word`() {
        let (options, ignored) = read(["istio.io/reroute-virtual-interfaces": "net1, net1 ,k6t-eth0,a b,-j,eth+,x\ny"])
        #expect(options.virtualInterfaces.map(\.description) == ["net1", "k6t-eth0"])
        #expect(ignored.count == 4)
        #expect(InterfaceName("sixteencharacter") == nil && InterfaceName("") == nil && InterfaceName("a/b") == nil)
    }
}
