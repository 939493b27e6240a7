import Testing
import Wire

@Suite struct BaggageTests {
    private static func parsed(_ values: String...) -> Baggage? { Baggage(headerValues: values.map(\.utf8)) }

    private static var web: Baggage {
        var baggage = Baggage()
        baggage.cluster = "Kubernetes"
        baggage.namespace = "shop"
        baggage.workloadName = "web"
        baggage.canonicalName = "web"
        baggage.canonicalRevision = "v1"
        return baggage
    }

    @Test func `a workload is described in the contract's order`() {
        var baggage = Self.web
        let text =
            "k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=web,service.name=web"
            + ",service.version=v1"
        #expect(baggage.encoded == text)
        baggage.region = "r1"
        baggage.zone = "z1"
        #expect(baggage.encoded == "\(text),cloud.region=r1,cloud.availability_zone=z1")
    }

    @Test func `empty items are left out and nothing is an empty value`() {
        #expect(Baggage().encoded.isEmpty)
        var baggage = Baggage()
        baggage.workloadType = .cronJob
        baggage.workloadName = "nightly"
        #expect(baggage.encoded == "k8s.cronjob.name=nightly")
    }

    @Test(arguments: Baggage.WorkloadType.allCases)
    func `what is written is read back`(type: Baggage.WorkloadType) {
        var baggage = Self.web
        baggage.workloadType = type
        baggage.zone = "z"
        #expect(Self.parsed(baggage.encoded) == baggage)
    }

    @Test func `the last of a key's values counts over all headers and names of all types share a slot`() {
        let baggage = Self.parsed("k8s.pod.name=a,service.name=x", "k8s.job.name=b,service.name=y")
        #expect(baggage?.workloadName == "b")
        #expect(baggage?.canonicalName == "y")
    }

    @Test func `what follows a second equals sign is lost and spaces are kept`() {
        let baggage = Self.parsed(
            "service.name=a=b, service.version=v1,cloud.region= r,unknown=x,flag,,=,service.version=")
        #expect(baggage?.canonicalName == "a")
        #expect(baggage?.canonicalRevision == "")
        #expect(baggage?.region == " r")
    }

    @Test func `a later empty value takes the earlier one away`() {
        #expect(Self.parsed("service.name=a,service.name=")?.canonicalName == "")
    }

    @Test(arguments: ["service.name=ü", "service.name=a\u{7f}", "service.name=a\n"])
    func `text that is not visible ASCII is no baggage`(text: String) {
        #expect(Self.parsed("service.name=fine", text) == nil)
    }

    @Test func `an endless header is no baggage`() {
        #expect(Self.parsed(String(repeating: "service.name=a,", count: 2000)) == nil)
    }
}
