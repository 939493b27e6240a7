import EventLoop
import Identity
import Mesh
import Policy
import Primitives
import Tunnel

/// What may happen in a step.
extension Simulation {
    private static let addresses = (1...6).map { IPAddress(v4: 0x0a01_0000 + UInt32($0)) }
    private static let service = Service(
        name: "all", namespace: "shop", hostname: "all.shop.svc.cluster.local",
        addresses: [NetworkAddress(network: "", address: IPAddress(v4: 0x0a60_0001))], ports: [80: 8080])
    private static let serviceEndpoint = Endpoint(IPAddress(v4: 0x0a60_0001), port: 80)

    func act() throws {
        if step == 1 {
            tell(.service(Self.service))
            for _ in 0..<4 { try arrive() }
        }
        switch chance.number(0...99) {
        case 0...39: try begin()
        case 40...42: try arrive()
        case 43...44: leave()
        case 45...47: changePolicies()
        case 48...49: changeReferences()
        case 50...73: takeUpdates()
        case 74...77: breakLink()
        case 78...80: goAway()
        case 81...86: disturbApplication()
        case 87...88: try disturbPod()
        case 89: if let identity = chance.pick(SimulatedPod.accounts) { rotate(identity) }
        default: try pass()
        }
    }

    private var alive: [SimulatedPod] { pods.filter(\.isAlive) }

    private func begin() throws {
        guard let source = chance.pick(alive), let target = chance.pick(chance.once(in: 8) ? pods : alive) else {
            return
        }
        let asked = chance.once(in: 4) ? Self.serviceEndpoint : Endpoint(target.address, port: 8080)
        record("\(source) calls \(asked)")
        try converse(from: source, to: asked)
    }

    // MARK: Pods

    private func arrive() throws {
        guard let address = chance.pick(Self.addresses), let identity = chance.pick(SimulatedPod.accounts),
            let node = chance.pick(nodes)
        else { return }
        podCount += 1
        // The address passes on at once, though nodes may hear of it later, and in either order.
        let previous = pod(at: address)
        previous?.stop()
        let pod = try SimulatedPod(
            self, node, uid: "Kubernetes//Pod/shop/pod-\(podCount)", identity: identity, address: address)
        pods.append(pod)
        record("\(pod) comes\(previous.map { " in place of \($0)" } ?? "")")
        let isEarly = chance.once(in: 2)
        if isEarly { tell(.workload(workload(of: pod, references: []))) }
        if let previous { forget(previous) }
        if !isEarly { tell(.workload(workload(of: pod, references: []))) }
    }

    private func leave() {
        guard alive.count > 2, let pod = chance.pick(alive) else { return }
        record("\(pod) goes")
        pod.stop()
        forget(pod)
    }

    /// Links to a pod that went may fall silent instead of closing.
    private func forget(_ pod: SimulatedPod) {
        tell(.removed(pod.uid))
        for link in links where link.target === pod && chance.once(in: 3) { link.fail(.silence, up: true) }
    }

    private func workload(of pod: SimulatedPod, references: [String]) -> Workload {
        Workload(
            uid: pod.uid, name: pod.uid, namespace: pod.identity.namespace, serviceAccount: pod.identity.serviceAccount,
            addresses: [pod.address], node: pod.node.name, tunnelProtocol: .hbone, authorizationPolicies: references,
            services: [Workload.Membership(Self.service.key, ports: [80: 8080])])
    }

    // MARK: What nodes know

    private func changePolicies() {
        if chance.once(in: 3), let key = chance.pick(policies.keys.sorted()) {
            record("policy \(key) goes")
            return removePolicy(key)
        }
        let policy = PolicyModel.random(&chance)
        record("policy \(policy)")
        change(policy)
    }

    private func changeReferences() {
        guard let pod = chance.pick(alive) else { return }
        let keys = (policies.values.filter { $0.scope == .workloadSelector }.map(\.key).sorted() + ["shop/unknown"])
        let references = chance.once(in: 2) ? [] : [chance.pick(keys) ?? ""]
        record("\(pod) is under \(references)")
        tell(.workload(workload(of: pod, references: references)))
    }

    private func takeUpdates() {
        guard let node = chance.pick(nodes) else { return }
        for _ in 0..<chance.one(of: 1, 2, 50, 50) { _ = node.takeUpdate() }
        do {
            for pod in alive where pod.node === node { try pod.reevaluate() }
        } catch {
            note(error)
        }
    }

    // MARK: Faults

    private func breakLink() {
        guard let link = chance.pick(links) else { return }
        if link.fault != nil, chance.once(in: 2) { return link.heal() }
        guard let fault = chance.pick(Link.Fault.allCases) else { return }
        record("link to \(String(describing: link.target)): \(fault)")
        link.fail(fault, up: chance.once(in: 2))
    }

    private func goAway() {
        guard let pod = chance.pick(alive) else { return }
        record("\(pod) says GOAWAY")
        if chance.once(in: 3) { pod.pool.drain() } else { chance.pick(pod.tunnels.filter(\.isOpen))?.drain() }
    }

    private func disturbApplication() {
        guard let conversation = chance.pick(conversations.suffix(30).filter { !$0.isComplete }),
            let end = chance.pick([conversation.client].compactMap { $0 } + conversation.servers), !end.isOver
        else { return }
        conversation.excuse("application")
        switch chance.number(0...5) {
        case 0: end.quit()
        case 1: end.finishEarly()
        case 2: end.isDeaf = true
        case 3: end.isStalled = true
        default: (end.isStalled, end.isDeaf) = (false, false)
        }
        record("\(end) is disturbed")
    }

    private func disturbPod() throws {
        guard let pod = chance.pick(alive) else { return }
        record("\(pod) is disturbed")
        switch chance.number(0...3) {
        case 0: pod.stopListening()
        case 1: try pod.listen()
        case 2: pod.holdsAnswers = true
        default: pod.holdsAnswers = false
        }
    }

    /// Time passes: what can move has moved before.
    private func pass() throws {
        try quiesce()
        let span = chance.one(of: Duration.milliseconds(300), .seconds(1), .seconds(3), .seconds(12), .seconds(400))
        record("\(span) pass")
        clock.advance(by: span)
    }
}
