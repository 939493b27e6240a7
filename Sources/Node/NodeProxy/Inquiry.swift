import Mesh
import Primitives

/// What was asked for on behalf of one connection, where the control plane tells on demand.
struct Inquiry {
    private var names: [String] = []

    /// Has asked for what decides the connection's way and is not known yet; false when there is nothing to ask for.
    /// - Parameter completion: told, later, why there were no answers, or nil when the way can be found again. Whom
    ///   nobody knows is not to be reached on a guess, which would be plain TCP.
    mutating func begin(
        _ state: MeshState, from source: Workload, to destination: IPAddress, on worker: Worker,
        _ completion: @escaping (String?) -> Void
    ) -> Bool {
        guard worker.configuration.isOnDemand, names.count < Limits.learnedNameCountMax else { return false }
        let unknown = state.unknownNames(onTheWayTo: destination, from: source).filter { !names.contains($0) }
        guard let first = unknown.first else { return false }
        names += unknown
        worker.learn(unknown) { isAnswered in
            completion(isAnswered ? nil : "the control plane did not say what \(first) is")
        }
        return true
    }
}
