/// How much a log line matters.
public enum LogLevel: UInt8, Sendable, Comparable, CaseIterable {
    case error, warn, info, debug, trace

    /// As ztunnel writes it.
    public var name: String {
        switch self {
        case .error: "error"
        case .warn: "warn"
        case .info: "info"
        case .debug: "debug"
        case .trace: "trace"
        }
    }

    /// From its name in any case; nil for others.
    public init?(_ name: some StringProtocol) {
        let wanted = name.lowercased()
        guard let level = Self.allCases.first(where: { $0.name == wanted }) else { return nil }
        self = level
    }

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// Which lines are written: a level, and other levels for some scopes. Text form as RUST_LOG:
/// `info,access=debug,xds=off`.
public struct LogFilter: Equatable, Sendable {
    /// For scopes that are not named; nil writes none.
    public var level: LogLevel?
    /// For scopes that are, and those below them (`a::b` below `a`).
    public var scopes: [String: LogLevel?]

    public static let standard = LogFilter(level: .info, scopes: [:])

    public init(level: LogLevel?, scopes: [String: LogLevel?]) {
        self.level = level
        self.scopes = scopes
    }

    /// Adds directives to this filter.
    /// - Returns: nil if one of them is neither a level nor `scope=level`.
    public func adding(_ text: String) -> LogFilter? {
        var filter = self
        for directive in text.split(separator: ",") {
            let parts = directive.split(separator: "=", omittingEmptySubsequences: false)
            guard let last = parts.last, parts.count <= 2 else { return nil }
            let level = LogLevel(last)
            guard level != nil || last.lowercased() == "off" else { return nil }
            if parts.count == 1 {
                filter.level = level
            } else {
                // Operators name ztunnel's modules with their crate before them.
                let scope = parts[0].hasPrefix("ztunnel::") ? String(parts[0].dropFirst(9)) : String(parts[0])
                filter.scopes[scope] = .some(level)
            }
        }
        return filter
    }

    /// Whether a line of this level and scope is written.
    public func admits(_ level: LogLevel, _ scope: String) -> Bool {
        guard !scopes.isEmpty else { return self.level.map { level <= $0 } ?? false }
        var name = scope[...]
        while true {
            if let chosen = scopes[String(name)] { return chosen.map { level <= $0 } ?? false }
            guard let colon = name.lastIndex(of: ":") else { break }
            name = name[..<colon]
            if name.hasSuffix(":") { name = name.dropLast() }
        }
        return self.level.map { level <= $0 } ?? false
    }
}

extension LogFilter: CustomStringConvertible {
    public var description: String {
        let named = scopes.keys.sorted().map { "\($0)=\((scopes[$0] ?? nil)?.name ?? "off")" }
        return (named + [level?.name ?? "off"]).joined(separator: ",")
    }
}
