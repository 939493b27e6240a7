import Interception
import Schema
import Testing

@Suite struct EnrolmentLedgerTests {
    private typealias Effect = EnrolmentLedger.Effect

    private let hello: [UInt8] = [0x08, 0x01]
    private let consent: [UInt8] = [0x0a, 0x00]
    private let boom: [UInt8] = [0x0a, 0x06, 0x0a, 0x04, 0x62, 0x6f, 0x6f, 0x6d]

    private func pod(_ uid: String) -> EnrolledPod {
        var info = WorkloadInfo()
        (info.name, info.namespace, info.serviceAccount) = ("cart-0", "shop", "cart")
        return EnrolledPod(uid: uid, info: info)
    }

    private func addition(_ uid: String) -> WorkloadRequest.Payload {
        var add = AddWorkload()
        add.uid = uid
        add.workloadInfo = pod(uid).info
        return .add(add)
    }

    private func withdrawal(_ uid: String) -> WorkloadRequest.Payload {
        var del = DelWorkload()
        del.uid = uid
        return .del(del)
    }

    private func hex(_ payload: WorkloadRequest.Payload) -> String {
        WorkloadRequest(payload).protobuf().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A ledger with one proxy that has its (empty) snapshot.
    private func settled() -> (EnrolmentLedger, EnrolmentLedger.ProxyID) {
        var ledger = EnrolmentLedger()
        let proxy = ledger.connect()
        #expect(ledger.receive(hello, from: proxy) == [.greeted(proxy), .send(.snapshotSent, to: proxy)])
        #expect(ledger.receive(consent, from: proxy).isEmpty)
        return (ledger, proxy)
    }

    @Test func `packets are those of the contract`() {
        var keep = KeepWorkload()
        keep.uid = "uid-1"
        #expect(hex(addition("uid-1")) == "0a1d0a057569642d3112140a06636172742d30120473686f701a0463617274")
        #expect(hex(.keep(keep)) == "2a070a057569642d31")
        #expect(hex(withdrawal("uid-1")) == "120712057569642d31")
        #expect(hex(.snapshotSent) == "1a00")
    }

    @Test func `nothing is sent before the hello, then the snapshot one packet at a time`() {
        var ledger = EnrolmentLedger()
        let proxy = ledger.connect()
        #expect(ledger.isAwaiting(proxy))
        #expect(ledger.enrol(pod("b")).isEmpty)
        #expect(ledger.enrol(pod("a")).isEmpty)
        ledger.hold(pod("c"))
        var keep = KeepWorkload()
        keep.uid = "c"
        #expect(ledger.receive(hello, from: proxy) == [.greeted(proxy), .send(addition("a"), to: proxy)])
        #expect(ledger.receive(consent, from: proxy) == [.enrolled(uid: "a"), .send(addition("b"), to: proxy)])
        #expect(ledger.receive(consent, from: proxy) == [.enrolled(uid: "b"), .send(.keep(keep), to: proxy)])
        #expect(ledger.receive(consent, from: proxy) == [.send(.snapshotSent, to: proxy)])
        #expect(ledger.receive(consent, from: proxy).isEmpty)
        #expect(!ledger.isAwaiting(proxy))
    }

    @Test func `a refusal in the snapshot is told and the snapshot goes on`() {
        var ledger = EnrolmentLedger()
        let proxy = ledger.connect()
        _ = ledger.enrol(pod("a"))
        _ = ledger.receive(hello, from: proxy)
        #expect(
            ledger.receive(boom, from: proxy) == [.refused(uid: "a", reason: "boom"), .send(.snapshotSent, to: proxy)])
        #expect(ledger.receive(consent, from: proxy).isEmpty)
        #expect(ledger.retryRefused() == [.send(addition("a"), to: proxy)])
        #expect(ledger.receive(consent, from: proxy) == [.enrolled(uid: "a")])
        #expect(ledger.retryRefused().isEmpty)
    }

    @Test func `additions go to the newest proxy, withdrawals to all`() {
        var (ledger, old) = settled()
        let new = ledger.connect()
        #expect(ledger.enrol(pod("a")) == [.send(addition("a"), to: old)], "the new one has not said hello")
        _ = ledger.receive(consent, from: old)
        #expect(ledger.receive(hello, from: new) == [.greeted(new), .send(addition("a"), to: new)])
        #expect(ledger.receive(consent, from: new) == [.send(.snapshotSent, to: new)], "it was enrolled already")
        _ = ledger.receive(consent, from: new)
        #expect(ledger.enrol(pod("b")) == [.send(addition("b"), to: new)])
        _ = ledger.receive(consent, from: new)
        #expect(
            ledger.withdraw(uid: "a") == [.send(withdrawal("a"), to: old), .send(withdrawal("a"), to: new)])
        #expect(ledger.withdraw(uid: "a").isEmpty)
    }

    @Test func `when the newest goes, the one before it hears what it missed`() {
        var (ledger, old) = settled()
        let new = ledger.connect()
        _ = ledger.receive(hello, from: new)
        _ = ledger.receive(consent, from: new)
        _ = ledger.enrol(pod("a"))
        #expect(ledger.disconnect(new) == [.send(addition("a"), to: old)])
        #expect(ledger.receive(consent, from: old) == [.enrolled(uid: "a")])
        #expect(ledger.disconnect(old).isEmpty)
        #expect(ledger.enrol(pod("b")).isEmpty)
    }

    @Test func `of a pod withdrawn while it waited, only the withdrawal is sent`() {
        var (ledger, proxy) = settled()
        _ = ledger.enrol(pod("a"))
        #expect(ledger.enrol(pod("b")).isEmpty, "one request is under way")
        #expect(ledger.withdraw(uid: "b").isEmpty)
        #expect(ledger.receive(consent, from: proxy) == [.enrolled(uid: "a"), .send(withdrawal("b"), to: proxy)])
    }

    @Test func `an answer for a pod that is gone changes nothing`() {
        var (ledger, proxy) = settled()
        _ = ledger.enrol(pod("a"))
        _ = ledger.withdraw(uid: "a")
        #expect(ledger.receive(boom, from: proxy) == [.send(withdrawal("a"), to: proxy)])
        #expect(ledger.retryRefused().isEmpty)
    }

    @Test(
        arguments: [
            ([[0x08, 0x02]], ZDSSession.Violation.unsupportedVersion(2)),
            ([[]], .unsupportedVersion(0)),
            ([[0x08]], .undecodable(.truncated)),
            ([[0x08, 0x01], [0x0a, 0x00], [0x0a, 0x00]], .unexpected),
            ([[0x08, 0x01], []], .unexpected),
            ([[0x08, 0x01], [0x0a, 0x05]], .undecodable(.truncated)),
        ] as [([[UInt8]], ZDSSession.Violation)])
    func `a proxy that breaks the protocol is let go`(packets: [[UInt8]], violation: ZDSSession.Violation) {
        var ledger = EnrolmentLedger()
        let proxy = ledger.connect()
        var last: [Effect] = []
        for packet in packets { last = ledger.receive(packet, from: proxy) }
        #expect(last == [.close(proxy, violation)])
        #expect(ledger.receive(hello, from: proxy).isEmpty, "nothing more is heard of it")
    }

    @Test func `silence lets the one before take over`() {
        var (ledger, old) = settled()
        let new = ledger.connect()
        _ = ledger.receive(hello, from: new)
        _ = ledger.enrol(pod("a"))
        #expect(ledger.fail(new, .silent) == [.close(new, .silent), .send(addition("a"), to: old)])
    }
}
