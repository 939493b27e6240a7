/// A scalar as it was written. What it means follows from its style and tag.
public struct YAMLScalar: Hashable, Sendable {
    /// How it was written.
    public enum Style: Hashable, Sendable { case plain, quoted, block }

    public var text: String
    public var style: Style
    /// The tag in full, such as `tag:yaml.org,2002:str`; nil when none was written.
    public var tag: String?

    public init(_ text: String, style: Style = .plain, tag: String? = nil) {
        self.text = text
        self.style = style
        self.tag = tag
    }

    /// A scalar by its meaning.
    public enum Resolved: Hashable, Sendable {
        case null
        case bool(Bool)
        case integer(Int)
        /// A number that is no `Int`; its text is at hand.
        case number
        case string(String)

        var typeName: String {
            switch self {
            case .null: "null"
            case .bool: "boolean"
            case .integer: "integer"
            case .number: "number"
            case .string: "string"
            }
        }
    }

    /// The meaning in the core schema (YAML 1.2, 10.3.2): only plain scalars without tag are anything but strings. A
    /// number needs a digit before its dot and no exponent alone, so that names such as `1e3` stay names.
    public var resolved: Resolved {
        guard style == .plain, tag == nil else { return .string(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "-.inf", ".nan", ".NaN", ".NAN": return .number
        default: return resolvedNumber ?? .string(text)
        }
    }

    private var resolvedNumber: Resolved? {
        if text.hasPrefix("0x") || text.hasPrefix("0o") {
            let digits = text.dropFirst(2)
            guard let first = digits.first, first != "+", first != "-" else { return nil }
            return Int(digits, radix: text.hasPrefix("0x") ? 16 : 8).map(Resolved.integer)
        }
        let unsigned = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
        let isDigit = { (character: Character) in ("0"..."9").contains(character) }
        let whole = unsigned.prefix(while: isDigit)
        guard !whole.isEmpty else { return nil }
        if whole.count == unsigned.count { return Int(text).map(Resolved.integer) ?? .number }
        guard unsigned.dropFirst(whole.count).first == "." else { return nil }
        let fraction = unsigned.dropFirst(whole.count + 1)
        let exponent = fraction.drop(while: isDigit)
        guard exponent.isEmpty || Double(unsigned) != nil else { return nil }
        return .number
    }
}
