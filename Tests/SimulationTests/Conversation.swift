import EventLoop
import Identity
import Primitives

/// Something that must never be.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// One connection of an application, with whoever took it, and what may excuse it for not getting through.
final class Conversation {
    /// A decision on the way of the connection.
    struct Meaning {
        var uid: String
        var identities: [SPIFFEID]
        var step: Int
        /// The node's belief was true: the workload had its address.
        var wasTrue: Bool
    }

    unowned let simulation: Simulation
    let number: Int
    let source: SimulatedPod
    let asked: Endpoint
    var client: ApplicationEnd?
    var servers: [ApplicationEnd] = []
    /// Of each attempt.
    var meanings: [Meaning] = []
    var links: [Link] = []
    private(set) var excuses: [String] = []
    /// How its streams ended at either end.
    var endings: [String] = []

    init(_ simulation: Simulation, number: Int, from source: SimulatedPod, to asked: Endpoint) {
        self.simulation = simulation
        self.number = number
        self.source = source
        self.asked = asked
    }

    /// It need not get through, for this reason.
    func excuse(_ reason: String) { excuses.append("\(reason)@\(simulation.step)") }

    /// Why it need not have got through; nil if it must.
    var excuse: String? { excuses.first ?? links.lazy.compactMap(\.fault).first }

    /// Lets go of what refers to it.
    func release() { (client, servers, links) = (nil, [], []) }

    /// A workload has taken the attempt.
    func taken(by pod: SimulatedPod, attempt: Int) throws {
        guard meanings.indices.contains(attempt) else { throw Violation("\(self) reached \(pod) out of nowhere") }
        let meaning = meanings[attempt]
        if pod.uid == meaning.uid { return }
        // The node did not know yet that the address was another's, or it changed hands on the way: then who took it
        // has at least shown an identity that was expected.
        let isOvertaken = !meaning.wasTrue || pod.bornStep >= meaning.step
        guard isOvertaken, meaning.identities.contains(pod.identity) else {
            throw Violation("\(self), meant for \(meaning.uid), reached \(pod)")
        }
    }

    /// The first bytes of an end have arrived at another.
    func judge(sender: ApplicationEnd, receiver: ApplicationEnd) throws {
        let isFitting = receiver === client ? sender !== client : sender === client
        guard sender.conversation === self, receiver.conversation === self, isFitting else {
            throw Violation("\(receiver) was given bytes of \(sender)")
        }
        guard receiver !== client, servers.contains(where: { $0 !== receiver && $0.received > 0 }) else { return }
        throw Violation("\(self) reached two servers")
    }

    /// Both ends have all that the other sent, and know it.
    var isComplete: Bool {
        guard let client, let server = client.sender else { return false }
        return client.ending == .clean && server.ending == .clean
    }
}

extension Conversation: CustomStringConvertible {
    var description: String { "conversation \(number) from \(source) to \(asked)" }
}
