/// What `iptables-save` says of one family, as far as chains of the mesh are concerned.
public struct SavedRules: Equatable, Sendable {
    private struct Table: Equatable, Sendable {
        let name: String
        /// Chains of the mesh.
        var chains: [String] = []
        /// Rules of other chains that jump into chains of the mesh, as saved: `CHAIN words`.
        var jumps: [String] = []
        /// How many rules each chain of the mesh holds.
        var counts: [String: Int] = [:]

        mutating func read(_ line: Substring) {
            let isOurs = { (chain: Substring) in chain.hasPrefix(InterceptionContract.chainPrefix) }
            if line.hasPrefix(":") {
                let chain = line.dropFirst().prefix { $0 != " " }
                guard isOurs(chain) else { return }
                chains.append(String(chain))
                counts[String(chain)] = 0
            } else if line.hasPrefix("-A ") {
                let rule = line.dropFirst(3)
                let words = rule.split(separator: " ")
                guard let chain = words.first else { return }
                if isOurs(chain) {
                    counts[String(chain), default: 0] += 1
                } else if let target = words.last, words.dropLast().last == "-j", isOurs(target) {
                    jumps.append(String(rule))
                }
            }
        }
    }

    private var tables: [Table] = []

    /// Reads the output of `iptables-save` or `ip6tables-save`. Lines of no interest are passed over.
    public init(_ text: String) {
        for line in text.split(separator: "\n") {
            if line.hasPrefix("*") {
                tables.append(Table(name: String(line.dropFirst())))
            } else if !tables.isEmpty {
                tables[tables.count - 1].read(line)
            }
        }
    }

    /// Whether any chain of the mesh is there.
    public var isClean: Bool { tables.allSatisfy { $0.chains.isEmpty } }

    /// Whether chains of the mesh are there but none that captures: what a release leaves for a moment.
    public var isReleased: Bool { !isClean && tables.allSatisfy { $0.name != "nat" || $0.chains.isEmpty } }

    /// Whether any table holds a chain of the mesh of this name.
    public func contains(chain: String) -> Bool { tables.contains { $0.chains.contains(chain) } }

    /// Whether the chains of the mesh are those of `rules`, with as many rules in each. That each rule is the right
    /// one is for `RuleSet.check` to find out.
    public func hasShape(of rules: RuleSet) -> Bool {
        let mine = Dictionary(tables.filter { !$0.chains.isEmpty }.map { ($0.name, $0.counts) }) { first, _ in first }
        return mine == rules.ruleCounts
    }

    /// Takes all chains of the mesh away, except `kept`, and the jumps into them; empty when there is none. One
    /// transaction a table.
    public func removal(except kept: String? = nil) -> String { removal { $0 != kept } }

    /// Takes the chains away that capture, and leaves those that see to it that captured connections go on.
    public func release() -> String { removal(of: ["nat"]) { _ in true } }

    /// Takes one chain of the mesh away, and the jumps into it.
    public func removal(only chain: String) -> String { removal { $0 == chain } }

    private func removal(of names: Set<String>? = nil, where isGoing: (String) -> Bool) -> String {
        tables.filter { names?.contains($0.name) ?? true }.map { table in
            let chains = table.chains.filter(isGoing)
            guard !chains.isEmpty else { return "" }
            let jumps = table.jumps.filter { jump in chains.contains { jump.hasSuffix(" -j \($0)") } }
            let lines =
                jumps.map { "-D \($0)\n" } + chains.map { "-F \($0)\n" } + chains.map { "-X \($0)\n" }
            return "*\(table.name)\n\(lines.joined())COMMIT\n"
        }.joined()
    }
}
