/// The way from the pods that are enrolled to those that ought to be.
public struct EnrolmentPlan: Equatable, Sendable {
    /// Pods that left the mesh but live on: their rules have to go.
    public private(set) var released: [String] = []
    /// Pods that are gone, and their network with them.
    public private(set) var forgotten: [String] = []
    /// Pods that are new, or have another network namespace or identity than before.
    public private(set) var enrolled: [DesiredPod] = []
    /// Pods of which other traffic is captured than before.
    public private(set) var recaptured: [DesiredPod] = []

    /// Compares what is with what ought to be.
    public init(from current: [String: DesiredPod], to desired: DesiredPods) {
        for uid in current.keys.sorted() where desired.enrolled[uid] == nil {
            if desired.living.contains(uid) { released.append(uid) } else { forgotten.append(uid) }
        }
        for (uid, wanted) in desired.enrolled.sorted(by: { $0.key < $1.key }) {
            let known = current[uid]
            if known?.pod != wanted.pod || known?.namespacePath != wanted.namespacePath {
                enrolled.append(wanted)
            } else if known?.capture != wanted.capture {
                recaptured.append(wanted)
            }
        }
    }
}
