import Identity
import Mesh
import Primitives
import Telemetry
import Wire

/// One end of a connection as the log names it. Small, as every connection holds two.
struct Party {
    /// How it is known who it is.
    enum Proof {
        case none
        /// It is the identity of the workload's record.
        case workload
        /// It is what the peer's certificate says.
        case shown(ShownIdentity)
    }

    var workload: Workload?
    /// What it says of itself, where it lies in another network and we know no better.
    var described: SelfDescription?
    var proof = Proof.none

    /// The identity that it has shown.
    var shown: ShownIdentity? { if case .shown(let shown) = proof { shown } else { nil } }

    /// Who it has proven to be, as text.
    var principal: String? {
        switch proof {
        case .none: nil
        case .workload: workload?.identity.description
        case .shown(let shown): shown.text
        }
    }

    /// Adds the fields of this end.
    func write(to line: inout LogLine, _ keys: Keys) {
        if let described {
            let name = described.baggage.workloadName
            line.text(keys.workload, name.isEmpty ? described.baggage.canonicalName : name)
            line.text(keys.namespace, described.baggage.namespace)
        } else if let workload {
            line.text(keys.workload, workload.name.isEmpty ? workload.canonicalName : workload.name)
            line.text(keys.namespace, workload.namespace)
        }
        switch proof {
        case .none: break
        case .workload: if let workload { line.text(keys.identity) { Self.write(workload, to: &$0) } }
        case .shown(let shown): line.text(keys.identity, shown.text)
        }
        if let cluster = described?.baggage.cluster ?? workload?.cluster { line.text(keys.cluster, cluster) }
    }

    /// The form of `SPIFFEID.description`.
    private static func write(_ workload: Workload, to line: inout LogLine) {
        line.append(escaping: "spiffe://")
        line.append(escaping: workload.trustDomain)
        line.append(escaping: "/ns/")
        line.append(escaping: workload.namespace)
        line.append(escaping: "/sa/")
        line.append(escaping: workload.serviceAccount)
    }

    /// The names of its fields.
    struct Keys {
        let workload: String
        let namespace: String
        let identity: String
        let cluster: String

        static let source = Keys("src")
        static let destination = Keys("dst")

        private init(_ prefix: String) {
            workload = "\(prefix).workload"
            namespace = "\(prefix).namespace"
            identity = "\(prefix).identity"
            cluster = "\(prefix).cluster"
        }
    }
}

/// The identity that a peer has shown, and its text; shared by the connections of one tunnel.
final class ShownIdentity {
    let identity: SPIFFEID
    let text: String

    init(_ identity: SPIFFEID) {
        self.identity = identity
        text = identity.description
    }
}

/// What the other end says of itself; an object, as few connections have one.
final class SelfDescription {
    let baggage: Baggage

    init(_ baggage: Baggage) { self.baggage = baggage }
}
