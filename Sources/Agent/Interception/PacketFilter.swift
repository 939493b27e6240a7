import Primitives
import System

/// iptables of one family in one namespace.
struct PacketFilter {
    let family: IPAddress.Family
    let namespace: NetworkNamespace

    private var program: String { family == .v4 ? "iptables" : "ip6tables" }
    private var restoration: Command { Command(words: ["\(program)-restore", "--noflush", "--wait", "5"]) }

    /// What is there.
    func save() throws(CommandFailure) -> SavedRules {
        let result = try Command(words: ["\(program)-save"]).run(in: namespace)
        return SavedRules(String(decoding: result.output, as: UTF8.self))
    }

    /// Applies text of iptables-restore beside what is there; nothing to apply is nothing to do.
    func restore(_ text: String) throws(CommandFailure) {
        guard !text.isEmpty else { return }
        try restoration.run(in: namespace, input: Array(text.utf8))
    }

    /// Whether each rule is there.
    func holds(_ rules: RuleSet) throws(CommandFailure) -> Bool {
        try restoration.result(in: namespace, input: Array(rules.check.utf8)).status.isSuccess
    }
}
