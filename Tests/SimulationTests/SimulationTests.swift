import Glibc
import Testing

/// The real mesh, policies, pools, tunnels and sessions through random faults.
@Suite(.serialized) struct SimulationTests {
    /// Those of the environment, one or a range (`SIMULATION_SEED=7`, `SIMULATION_SEED=1-500`); else some that are
    /// always the same, and one that the clock gives.
    static let seeds: [UInt64] = {
        guard let text = unsafe getenv("SIMULATION_SEED") else { return [33, 38, 63, 84, 90, UInt64(time(nil))] }
        let bounds = unsafe String(cString: text).split(separator: "-").compactMap { UInt64($0) }
        guard let first = bounds.first, let last = bounds.last, first <= last else { return [] }
        return Array(first...last)
    }()

    private static func openDescriptors() -> Int {
        (0..<4096).count { fcntl($0, F_GETFD) >= 0 }
    }

    @Test(arguments: seeds) func `every byte arrives where it was meant to, or both ends know that it did not`(
        seed: UInt64
    ) throws {
        let before = Self.openDescriptors()
        try Self.run(seed)
        #expect(Self.openDescriptors() == before, "SIMULATION_SEED=\(seed): descriptors are left open")
    }

    private static func run(_ seed: UInt64) throws {
        let simulation = try Simulation(seed: seed)
        do {
            try simulation.run(stepCount: 400)
            // It would say little if nothing got through.
            #expect(simulation.completeCount > 0, "SIMULATION_SEED=\(seed)")
        } catch {
            let history = simulation.history.joined(separator: "\n")
            Issue.record("SIMULATION_SEED=\(seed), step \(simulation.step): \(error)\n\(history)")
        }
        simulation.release()
    }
}
