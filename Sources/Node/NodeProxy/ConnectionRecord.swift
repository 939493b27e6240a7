import HTTP2
import Identity
import Mesh
import Primitives
import System
import Telemetry
import Tunnel
import Wire

/// What is known of one connection for its line in the access log, in ztunnel's fields and order.
struct ConnectionRecord {
    enum Direction: String {
        case inbound
        case outbound
    }

    var direction: Direction
    var source: Endpoint
    var sourceWorkload: Workload?
    var sourceIdentity: SPIFFEID?
    var destination: Endpoint
    /// The CONNECT authority.
    var authority: String?
    var service: Service?
    var destinationWorkload: Workload?
    var destinationIdentity: SPIFFEID?
    /// What the other end says of itself, where it lies in another network and we know no better.
    var sourceBaggage: Baggage?
    var destinationBaggage: Baggage?
    let started: Instant
    /// The policies that would have had to allow the connection, when none did.
    var allowPolicies: [String] = []

    init(_ direction: Direction, from source: Endpoint, to destination: Endpoint, at started: Instant) {
        self.direction = direction
        self.source = source
        self.destination = destination
        self.started = started
    }

    /// The line at the end of a connection whose parties are known.
    func logEnd(_ logger: Logger, now: Instant, sent: UInt64, received: UInt64, error: String?) {
        logger.log(
            error == nil ? .info : .error, "access", "connection complete",
            parties + [
                .bare("bytes_sent", sent), .bare("bytes_recv", received),
                .text("duration", "\((now - started).wholeMilliseconds)ms"),
            ] + (error.map { [.text("error", $0)] } ?? [])
                + (allowPolicies.isEmpty ? [] : [.text("error.policies", allowPolicies.joined(separator: ","))]))
    }

    /// The line at its beginning.
    func logStart(_ logger: Logger) { logger.log(.debug, "access", "connection opened", parties) }

    /// The line of a connection that was refused before its parties were known.
    func logRefusal(_ logger: Logger, _ error: String) {
        logger.log(
            .warn, "access", "connection failed",
            [
                .bare("src.addr", source), .bare("dst.addr", destination), .text("direction", direction.rawValue),
                .text("error", error),
            ])
    }

    private var parties: [LogField] {
        var fields: [LogField] = [.bare("src.addr", source)]
        func add(_ prefix: String, _ workload: Workload?, _ baggage: Baggage?, _ identity: SPIFFEID?) {
            let party = baggage.map(Party.init) ?? workload.map(Party.init)
            if let party {
                fields.append(.text("\(prefix).workload", party.name))
                fields.append(.text("\(prefix).namespace", party.namespace))
            }
            if let identity { fields.append(.text("\(prefix).identity", identity.description)) }
            if let party { fields.append(.text("\(prefix).cluster", party.cluster)) }
        }
        add("src", sourceWorkload, sourceBaggage, sourceIdentity)
        fields.append(.bare("dst.addr", destination))
        if let authority { fields.append(.bare("dst.hbone_addr", authority)) }
        if let service { fields.append(.text("dst.service", service.hostname)) }
        add("dst", destinationWorkload, destinationBaggage, destinationIdentity)
        fields.append(.text("direction", direction.rawValue))
        return fields
    }
}

/// One end of a connection, by the names that the log gives it.
private struct Party {
    var name: String
    var namespace: String
    var cluster: String

    init(_ workload: Workload) {
        name = workload.name.isEmpty ? workload.canonicalName : workload.name
        (namespace, cluster) = (workload.namespace, workload.cluster)
    }

    init(_ baggage: Baggage) {
        name = baggage.workloadName.isEmpty ? baggage.canonicalName : baggage.workloadName
        (namespace, cluster) = (baggage.namespace, baggage.cluster)
    }
}

extension Baggage {
    /// What all `baggage` headers of a message say; nil when there is none that can be read.
    init?(fields: [HTTPField]) {
        let values = fields.filter { $0.name == "baggage" }.map(\.bytes)
        guard !values.isEmpty else { return nil }
        self.init(headerValues: values)
    }
}

extension RelayCause {
    /// What went wrong, in words for the log; nil for a connection that ended in order. As ztunnel does, a reset or
    /// vanished application is no failure of the mesh.
    var failure: String? {
        switch self {
        case .completed, .socketFailed(.connectionReset), .socketFailed(.brokenPipe): nil
        case .socketFailed(let failure): "connection failed: \(failure)"
        case .streamReset(.noError), .streamReset(.connectError): nil
        case .streamReset(let code): "the peer reset the stream: \(code)"
        case .tunnelLost(let reason), .aborted(let reason): reason
        }
    }
}
