import Compiler
import Schema
import Testing

@testable import Serving

private let addressType = "type.googleapis.com/istio.workload.Address"
private let policyType = "type.googleapis.com/istio.security.Authorization"

/// Workloads by UID, each with a name that serves as its content, and policies by name.
private func snapshot(_ workloads: [String: String], policies: [String] = []) -> ResourceSnapshot {
    var compiled = CompiledResources()
    for (uid, content) in workloads {
        var workload = Workload()
        workload.uid = uid
        workload.name = content
        compiled.addresses[uid] = Address(.workload(workload))
    }
    for name in policies {
        var policy = Authorization()
        policy.name = name
        compiled.authorizations[name] = policy
    }
    return ResourceSnapshot(compiled)
}

private func subscribe(
    _ type: String = addressType, holding: [String: String] = [:], names: [String] = []
) -> DeltaDiscoveryRequest {
    var request = DeltaDiscoveryRequest()
    request.typeURL = type
    request.initialResourceVersions = holding
    request.resourceNamesSubscribe = names
    return request
}

private func answer(_ response: DeltaDiscoveryResponse, refusing reason: String? = nil) -> DeltaDiscoveryRequest {
    var request = DeltaDiscoveryRequest()
    request.typeURL = response.typeURL
    request.responseNonce = response.nonce
    if let reason {
        var status = Status()
        status.message = reason
        request.errorDetail = status
    }
    return request
}

@Suite struct DiscoverySessionTests {
    @Test func `a first subscription is answered with everything, also with nothing`() throws {
        var session = DiscoverySession()
        let state = snapshot(["b": "1", "a": "1"])
        _ = session.receive(subscribe())
        _ = session.receive(subscribe(policyType))
        let responses = session.responses(for: state)
        #expect(responses.map(\.typeURL) == [policyType, addressType])
        #expect(responses[1].resources.map(\.name) == ["a", "b"])
        #expect(responses[0].resources.isEmpty)
        let payload = try #require(responses[1].resources.first?.resource)
        #expect(payload.typeURL == addressType)
        guard case .workload(let workload) = try Address(protobuf: payload.value).kind else {
            Issue.record("no workload")
            return
        }
        #expect(workload.uid == "a")
    }

    @Test func `only what changed is sent, and what is gone by name`() {
        var session = DiscoverySession()
        _ = session.receive(subscribe())
        let first = session.responses(for: snapshot(["a": "1", "b": "1", "c": "1"]))
        #expect(session.receive(answer(first[0])) == .accepted(type: addressType, nonce: first[0].nonce))
        let second = session.responses(for: snapshot(["a": "1", "b": "2", "d": "1"]))
        #expect(second.count == 1)
        #expect(second[0].resources.map(\.name) == ["b", "d"])
        #expect(second[0].removedResources == ["c"])
        #expect(second[0].nonce != first[0].nonce)
    }

    @Test func `the same state again is silence`() {
        var session = DiscoverySession()
        _ = session.receive(subscribe())
        let first = session.responses(for: snapshot(["a": "1"]))
        _ = session.receive(answer(first[0]))
        #expect(session.responses(for: snapshot(["a": "1"])).isEmpty)
    }

    @Test func `a returning node is sent what differs from what it holds`() {
        let state = snapshot(["a": "1", "b": "1"])
        let versions = state[.address].versions
        var session = DiscoverySession()
        _ = session.receive(subscribe(holding: ["a": versions["a"] ?? "", "b": "old", "gone": "x"]))
        let responses = session.responses(for: state)
        #expect(responses.map { $0.resources.map(\.name) } == [["b"]])
        #expect(responses[0].removedResources == ["gone"])
    }

    @Test func `a returning node that holds everything is told so`() {
        let state = snapshot(["a": "1"])
        var session = DiscoverySession()
        _ = session.receive(subscribe(holding: state[.address].versions))
        let responses = session.responses(for: state)
        #expect(responses.count == 1)
        #expect(responses[0].resources.isEmpty && responses[0].removedResources.isEmpty)
    }

    @Test func `while a response is on its way changes gather into the next`() {
        var session = DiscoverySession()
        _ = session.receive(subscribe())
        let first = session.responses(for: snapshot(["a": "1"]))
        #expect(session.responses(for: snapshot(["a": "2"])).isEmpty)
        #expect(session.responses(for: snapshot(["a": "3", "b": "1"])).isEmpty)
        _ = session.receive(answer(first[0]))
        let next = session.responses(for: snapshot(["a": "3", "b": "1"]))
        #expect(next.map { $0.resources.map(\.name) } == [["a", "b"]])
    }

    @Test func `a policy is told before who names it, and taken back after`() {
        var session = DiscoverySession()
        _ = session.receive(subscribe())
        _ = session.receive(subscribe(policyType))
        for response in session.responses(for: snapshot(["a": "1"])) { _ = session.receive(answer(response)) }
        let named = snapshot(["a": "names p"], policies: ["p"])
        let told = session.responses(for: named)
        #expect(told.map(\.typeURL) == [policyType, addressType])
        // Another one while the first is not answered: nobody names it before it can be told.
        let both = snapshot(["a": "names p and q"], policies: ["p", "q"])
        _ = session.receive(answer(told[1]))
        #expect(session.responses(for: both).isEmpty)
        _ = session.receive(answer(told[0]))
        let next = session.responses(for: both)
        #expect(next.map(\.typeURL) == [policyType, addressType])
        for response in next { _ = session.receive(answer(response)) }
        let without = session.responses(for: snapshot(["a": "1"]))
        #expect(without.map(\.typeURL) == [addressType])
        _ = session.receive(answer(without[0]))
        let last = session.responses(for: snapshot(["a": "1"]))
        #expect(last.map(\.removedResources) == [["p", "q"]])
    }

    @Test func `a refusal is told and does not make a loop`() {
        var session = DiscoverySession()
        let state = snapshot(["a": "1"])
        _ = session.receive(subscribe())
        let first = session.responses(for: state)
        let event = session.receive(answer(first[0], refusing: "a: bad"))
        #expect(event == .refused(type: addressType, nonce: first[0].nonce, reason: "a: bad"))
        #expect(session.responses(for: state).isEmpty)
        #expect(session.responses(for: snapshot(["a": "2"])).count == 1)
    }

    @Test func `an answer to an older response changes nothing`() {
        var session = DiscoverySession()
        _ = session.receive(subscribe())
        var stale = answer(session.responses(for: snapshot(["a": "1"]))[0])
        stale.responseNonce = "99"
        #expect(session.receive(stale) == .stale(type: addressType, nonce: "99"))
        #expect(session.responses(for: snapshot(["a": "2"])).isEmpty)
    }

    @Test func `a name asked for is answered, there or not`() {
        var session = DiscoverySession()
        let state = snapshot(["a": "1"])
        _ = session.receive(subscribe())
        _ = session.receive(answer(session.responses(for: state)[0]))
        #expect(
            session.receive(subscribe(names: ["a", "none"])) == .asked(type: addressType, names: ["a", "none"]))
        let responses = session.responses(for: state)
        #expect(responses.map { $0.resources.map(\.name) } == [["a"]])
        #expect(responses[0].removedResources == ["none"])
    }

    @Test func `an unknown type is named and not answered`() {
        var session = DiscoverySession()
        #expect(session.receive(subscribe("type.googleapis.com/other")) == .unknownType("type.googleapis.com/other"))
        #expect(session.responses(for: snapshot(["a": "1"])).isEmpty)
    }
}
