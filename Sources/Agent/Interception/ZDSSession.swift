import Primitives
public import Schema

/// The agent's side of one connection of the enrolment protocol: greeting, then requests one at a time, each answered
/// before the next. It neither reads nor writes; its owner does.
public struct ZDSSession: Equatable, Sendable {
    /// What a packet from the node proxy meant.
    public enum Reading: Equatable, Sendable {
        /// The proxy has said hello.
        case greeted
        /// The proxy has answered a request; an empty error is consent.
        case answered(WorkloadRequest.Payload, error: String)
        /// The proxy does not keep to the protocol; the connection has to go.
        case violation(Violation)
    }

    /// How a node proxy broke the protocol.
    public enum Violation: Error, Equatable, Sendable {
        case undecodable(ProtobufError)
        case unsupportedVersion(Int32)
        /// A packet that nothing asked for, or an answer without content.
        case unexpected
        case tooLong
        /// No hello, or no answer, in time.
        case silent
    }

    private enum State: Equatable, Sendable {
        case awaitingHello
        case idle
        case awaitingAnswer(WorkloadRequest.Payload)
    }

    private var state = State.awaitingHello
    private var queue: [WorkloadRequest.Payload] = []
    /// The pods that this proxy has been, or is about to be, told of.
    private(set) var toldOf: Set<String> = []

    public init() {}

    /// Whether the proxy owes a packet.
    public var isAwaiting: Bool { state != .idle }

    /// Takes a packet in.
    public mutating func receive(_ bytes: [UInt8]) -> Reading {
        do {
            switch state {
            case .awaitingHello:
                let hello = try ZdsHello(protobuf: bytes)
                guard hello.version == .v1 else { return .violation(.unsupportedVersion(hello.version.rawValue)) }
                state = .idle
                return .greeted
            case .awaitingAnswer(let request):
                guard let ack = try WorkloadResponse(protobuf: bytes).ack else { return .violation(.unexpected) }
                state = .idle
                return .answered(request, error: ack.error)
            case .idle:
                return .violation(.unexpected)
            }
        } catch {
            return .violation(.undecodable(error))
        }
    }

    /// Puts a request at the end of the queue.
    public mutating func enqueue(_ request: WorkloadRequest.Payload) {
        switch request {
        case .add(let add): toldOf.insert(add.uid)
        case .keep(let keep): toldOf.insert(keep.uid)
        case .del(let del): toldOf.remove(del.uid)
        case .snapshotSent: break
        }
        queue.append(request)
    }

    /// The request to send now, if it is time for one; those that `isWanted` refuses are dropped. From here on the
    /// answer is awaited.
    public mutating func nextRequest(
        where isWanted: (WorkloadRequest.Payload) -> Bool = { _ in true }
    ) -> WorkloadRequest.Payload? {
        guard state == .idle, let position = queue.firstIndex(where: isWanted) else { return nil }
        let request = queue[position]
        queue.removeSubrange(...position)
        state = .awaitingAnswer(request)
        return request
    }
}

extension ZDSSession.Violation: CustomStringConvertible {
    public var description: String {
        switch self {
        case .undecodable(let cause): cause.description
        case .unsupportedVersion(let number): "version \(number) of the enrolment protocol is not known"
        case .unexpected: "a packet that answers nothing"
        case .tooLong: "a packet longer than \(Limits.enrolmentPacketByteCountMax) bytes"
        case .silent: "no answer in time"
        }
    }
}
