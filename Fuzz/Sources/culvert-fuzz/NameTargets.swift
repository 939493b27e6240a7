import Wire

extension FuzzTarget {
    /// Messages of clients and of name servers.
    static let dns = FuzzTarget("dns") { bytes in
        let broken = DNSProperties.broken(by: bytes)
        check(broken.isEmpty, "\(broken)")
    }

    /// A SOCKS client's first bytes.
    static let socks = FuzzTarget("socks") { bytes in
        var machine = SOCKSHandshake()
        var rest = bytes[...]
        while machine.byteCountWanted > 0, rest.count >= machine.byteCountWanted {
            check(machine.byteCountWanted <= 257, "what is wanted is bounded")
            let wanted = Array(rest.prefix(machine.byteCountWanted))
            rest = rest.dropFirst(wanted.count)
            if case .more = machine.take(wanted) { continue }
            check(machine.byteCountWanted == 0, "what has ended wants nothing more")
        }
    }
}
