import Schema

/// The node's side of the enrolment protocol (ZDS) as a machine: what each message of the agent asks for. It knows
/// what the agent has said on this connection and which pods run; it does nothing itself.
struct EnrolmentState {
    enum Action: Equatable {
        /// Starts the pod's proxy, unless it runs in the same network namespace already; then answers.
        case start(uid: String, WorkloadName)
        /// Stops the pods' proxies, then answers.
        case stop([String])
        /// Answers that all is well.
        case acknowledge
        /// Answers with this text.
        case refuse(String)
    }

    /// Uids that the agent has named since it connected.
    private var named: Set<String> = []
    private(set) var hasSnapshot = false

    /// A new connection: what runs keeps running until the agent's snapshot says otherwise.
    mutating func connected() {
        named = []
        hasSnapshot = false
    }

    /// - Parameters:
    ///   - request: nil for a packet that could not be read.
    ///   - descriptorCount: how many came beside it.
    ///   - known: uids of pods that run or wait to be started.
    mutating func received(_ request: WorkloadRequest, descriptorCount: Int, known: Set<String>) -> Action {
        guard let payload = request.payload else { return .refuse("failed to process message : no payload") }
        if case .add = payload {
            guard descriptorCount == 1 else {
                return .refuse("failed to read message : add needs one descriptor, came with \(descriptorCount)")
            }
        } else if descriptorCount > 0 {
            return .refuse("failed to read message : a descriptor came with a message that takes none")
        }
        switch payload {
        case .add(let add):
            guard let info = add.workloadInfo else {
                return .refuse("failed to process message : add without workload info")
            }
            guard !add.uid.isEmpty else { return .refuse("failed to process message : add without uid") }
            if !hasSnapshot { named.insert(add.uid) }
            return .start(
                uid: add.uid,
                WorkloadName(name: info.name, namespace: info.namespace, serviceAccount: info.serviceAccount))
        case .keep(let keep):
            guard !hasSnapshot else { return .refuse("failed to process message : keep after the snapshot") }
            named.insert(keep.uid)
            return .acknowledge
        case .del(let del):
            guard hasSnapshot else {
                // Reconciled with the rest when the snapshot is complete.
                named.remove(del.uid)
                return .acknowledge
            }
            return .stop(known.contains(del.uid) ? [del.uid] : [])
        case .snapshotSent:
            guard !hasSnapshot else { return .refuse("failed to process message : a second snapshot") }
            hasSnapshot = true
            let gone = known.subtracting(named)
            named = []
            return .stop(gone.sorted())
        }
    }
}
