/// The names under which a name may be known: what a client of a namespace writes for short, or with one of its search
/// domains behind it, stands for a longer or shorter one. Source: ztunnel.
struct NameSearch {
    /// One of them.
    struct Candidate: Equatable {
        var name: String
        /// The asked name without its search domain, where the name comes from that.
        var stripped: String?
    }

    let namespace: String
    let clusterDomain: String

    /// The asked name, its Kubernetes expansions, then the same without each of the search domains that it ends in;
    /// none twice. Names are in lower case, without a dot at the end.
    func candidates(for asked: String) -> [Candidate] {
        var found = ([asked] + expansions(of: asked)).map { Candidate(name: $0) }
        for domain in ["\(namespace).svc.\(clusterDomain)", "svc.\(clusterDomain)", clusterDomain] {
            guard asked.endsIn(".\(domain)"), let stripped = String(asked.utf8.dropLast(domain.utf8.count + 1)),
                !stripped.isEmpty
            else { continue }
            for name in [stripped] + expansions(of: stripped) where !found.contains(where: { $0.name == name }) {
                found.append(Candidate(name: name, stripped: stripped))
            }
        }
        return found
    }

    private func expansions(of name: String) -> [String] {
        let isService = name.endsIn(".svc")
        switch name.utf8.count(where: { $0 == UInt8(ascii: ".") }) {
        case 0: return ["\(name).\(namespace).svc.\(clusterDomain)"]
        case 1: return ["\(name).svc.\(clusterDomain)", "\(name).\(namespace).svc.\(clusterDomain)"]
        case 2: return (isService ? ["\(name).\(clusterDomain)"] : []) + ["\(name).svc.\(clusterDomain)"]
        case 3: return isService ? ["\(name).\(clusterDomain)"] : []
        default: return []
        }
    }

    /// The wildcards that a name falls under, from the closest one: `*.b.c` and `*.c` for `a.b.c`.
    static func wildcards(for name: String) -> [String] {
        var dots = name.utf8.indices.filter { name.utf8[$0] == UInt8(ascii: ".") }
        // Of an endless name those with few labels, which are the ones that somebody might have declared.
        dots = dots.suffix(wildcardCountMax)
        return dots.map { "*\(name[$0...])" }
    }

    private static let wildcardCountMax = 16
}

extension String {
    /// `hasSuffix` for names, whose bytes are all there is to compare.
    func endsIn(_ suffix: String) -> Bool {
        utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }
}
