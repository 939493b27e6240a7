import Primitives
import System

/// Carries out the network part of a plan, and takes it away again by name.
enum LabNetwork {
    /// Makes the namespaces, empty; nothing stays when that fails.
    static func create(_ names: [String]) throws(LabFailure) {
        do {
            try LabShell.run(["ip", "-batch", "-"], input: names.map { "netns add \($0)\n" }.joined())
        } catch {
            remove(names)
            throw error
        }
    }

    /// Fills the namespaces with interfaces, addresses, routes and rules.
    static func build(_ plan: LabPlan) throws(LabFailure) {
        // Parameters first, and everywhere: they are inherited by interfaces when these are made.
        for part in plan.namespaces {
            let namespace = try LabShell.namespace(part.name)
            for parameter in part.parameters {
                do { try namespace.setParameter(parameter.name, to: parameter.value) } catch {
                    if parameter.isOptional, error == .noEntry { continue }
                    throw .system("\(part.name): \(parameter.name)", error)
                }
            }
        }
        for part in plan.namespaces {
            let namespace = try LabShell.namespace(part.name)
            let lines = part.links.map { "\($0)\n" }.joined()
            try LabShell.run(["ip", "-batch", "-"], input: lines, in: namespace)
            for (family, text) in part.rules where !text.isEmpty {
                let program = family == .v4 ? "iptables-restore" : "ip6tables-restore"
                try LabShell.run([program, "--noflush", "--wait", "5"], input: text, in: namespace)
            }
        }
    }

    /// Ends every program in the namespaces and removes these; what is not there is no error.
    static func remove(_ names: [String], grace: Duration = .seconds(7)) {
        guard !names.isEmpty else { return }
        let deadline = MonotonicClock.now() + grace
        signal(Processes.terminate, names)
        while MonotonicClock.now() < deadline, !processes(in: names).isEmpty { Processes.pause(.milliseconds(20)) }
        // A few times over: what is killed may have started something.
        for _ in 0..<100 where !processes(in: names).isEmpty {
            signal(Processes.kill, names)
            Processes.pause(.milliseconds(20))
        }
        let lines = names.map { "netns del \($0)\n" }.joined()
        _ = try? LabShell.run(["ip", "-force", "-batch", "-"], input: lines)
        _ = try? LabShell.run(["rm", "-rf"] + names.map { "/etc/netns/\($0)" })
    }

    private static func signal(_ number: Int32, _ names: [String]) {
        for identifier in processes(in: names) { Processes.send(signal: number, to: identifier) }
    }

    /// The processes in the namespaces, except this one, which may be looking into them from a thread.
    static func processes(in names: [String]) -> [Int32] {
        let keys = Set(names.compactMap { try? LabShell.namespace($0).key })
        let numbers = ((try? FileSystem.entries(of: "/proc")) ?? []).compactMap { Int32($0) }
        return numbers.filter { number in
            guard number != Processes.own,
                let status = (try? FileSystem.status(of: "/proc/\(number)/ns/net")) ?? nil
            else { return false }
            return keys.contains(NetworkNamespace.Key(device: status.device, inode: status.inode))
        }
    }
}
