import Primitives

/// Resources asked for by name, of a control plane that tells on demand: which answers are awaited, and which names it
/// said it has nothing for. What it has is in the state.
struct RequestedNames {
    /// Names without an answer yet.
    private(set) var pending: Set<String> = []
    /// When the control plane said that there is nothing by the name.
    private var absences: [String: Instant] = [:]

    /// Takes in names that somebody needs and the state does not have.
    /// - Parameter isConnected: without a control plane an old answer is as good as any.
    /// - Returns: those of which an answer has to be awaited, and of them those to ask for now.
    mutating func need(
        _ names: [String], at now: Instant, isConnected: Bool
    ) -> (awaited: Set<String>, new: [String]) {
        var awaited: Set<String> = []
        var new: [String] = []
        for name in names {
            if let since = absences[name], !isConnected || now - since < Limits.absentNameDuration { continue }
            guard pending.contains(name) || pending.count < Limits.requestedNameCountMax else { continue }
            awaited.insert(name)
            if pending.insert(name).inserted { new.append(name) }
        }
        return (awaited, new)
    }

    /// Takes in what a response says of names: those of its resources, and those that it removes.
    /// - Returns: the names that were awaited.
    mutating func answer(present: [String], removed: [String], at now: Instant) -> Set<String> {
        var answered: Set<String> = []
        for name in present {
            absences[name] = nil
            if pending.remove(name) != nil { answered.insert(name) }
        }
        for name in removed where pending.remove(name) != nil {
            answered.insert(name)
            if absences.count >= Limits.requestedNameCountMax { absences = [:] }
            absences[name] = now
        }
        return answered
    }

    /// No answer came in time. An earlier one, if there is any, holds on for as long as a new one would.
    /// - Returns: whether there was one for each of the names.
    mutating func giveUp(_ names: Set<String>, at now: Instant) -> Bool {
        var hasAll = true
        for name in names {
            if absences[name] == nil { hasAll = false } else { absences[name] = now }
        }
        return hasAll
    }
}
