import Interception
import Schema

@testable import NodeProxy

extension FuzzTarget {
    /// Both ends of the enrolment protocol on packets of any content.
    static let enrolment = FuzzTarget("enrolment") { bytes in
        var choices = Choices(bytes)
        var node = EnrolmentState()
        var running: Set<String> = []
        node.connected()
        var remaining = 30
        while !choices.isExhausted, remaining > 0 {
            remaining -= 1
            let request = choices.enrolmentRequest()
            let descriptorCount =
                choices.oneIn(4) ? choices.below(3) : { if case .add = request.payload { 1 } else { 0 } }()
            let hadSnapshot = node.hasSnapshot
            switch node.received(request, descriptorCount: descriptorCount, known: running) {
            case .start(let uid, _):
                check(!uid.isEmpty && descriptorCount == 1, "a pod that starts has a name and a namespace")
                running.insert(uid)
            case .stop(let uids):
                check(uids.allSatisfy { running.contains($0) }, "only what runs is stopped")
                check(Set(uids).count == uids.count, "and once")
                running.subtract(uids)
            case .acknowledge: break
            case .refuse(let text):
                check(!text.isEmpty, "an empty answer would be consent")
                check(node.hasSnapshot == hadSnapshot, "what is refused changes nothing")
            }
            if choices.oneIn(16) {
                node.connected()
                check(!node.hasSnapshot, "each connection has its own snapshot")
            }
        }
        agent(&choices)
    }

    private static func agent(_ choices: inout Choices) {
        var session = ZDSSession()
        var outstanding: WorkloadRequest.Payload?
        for _ in 0..<20 {
            if choices.oneIn(2), let payload = choices.enrolmentRequest().payload { session.enqueue(payload) }
            if let next = session.nextRequest() {
                check(outstanding == nil, "one request at a time")
                outstanding = next
            }
            let packet =
                choices.oneIn(4)
                ? choices.take(choices.below(40))
                : choices.oneIn(2) ? [0x08, 0x01] : WorkloadResponse(Ack()).protobuf()
            let wasAwaiting = session.isAwaiting
            switch session.receive(packet) {
            case .greeted: check(outstanding == nil && wasAwaiting, "the greeting comes first")
            case .answered(let payload, _):
                check(payload == outstanding, "an answer is to what was asked")
                outstanding = nil
            case .violation: return
            }
        }
    }
}

extension Choices {
    fileprivate mutating func enrolmentRequest() -> WorkloadRequest {
        let uid = pick(["a", "b", "c", ""])
        switch below(6) {
        case 0, 1:
            var add = AddWorkload()
            add.uid = uid
            if !oneIn(4) { add.workloadInfo = WorkloadInfo() }
            return WorkloadRequest(.add(add))
        case 2:
            var keep = KeepWorkload()
            keep.uid = uid
            return WorkloadRequest(.keep(keep))
        case 3:
            var del = DelWorkload()
            del.uid = uid
            return WorkloadRequest(.del(del))
        case 4: return WorkloadRequest(.snapshotSent)
        default: return (try? WorkloadRequest(protobuf: take(below(60)))) ?? WorkloadRequest()
        }
    }
}
