import Tunnel

/// A node: what it knows of the mesh, and what it has been told and not taken in yet.
final class SimulatedNode {
    let name: String
    let buffers: RelayBuffers
    let acceptedStreamCountMax: UInt32
    private(set) var view = NodeView()
    private var pending: [MeshUpdate] = []

    init(name: String, receive: ReceiveLimits, acceptedStreamCountMax: UInt32) {
        self.name = name
        buffers = RelayBuffers(limits: receive)
        self.acceptedStreamCountMax = acceptedStreamCountMax
    }

    func tell(_ update: MeshUpdate) { pending.append(update) }

    /// Takes in the next of what it was told.
    /// - Returns: whether there was anything.
    func takeUpdate() -> Bool {
        guard !pending.isEmpty else { return false }
        view.apply(pending.removeFirst())
        return true
    }
}
