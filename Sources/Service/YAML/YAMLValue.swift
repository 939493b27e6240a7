/// A value of a YAML document with the line it begins at.
public struct YAMLValue: Hashable, Sendable {
    /// Counted from 1.
    public var line: Int
    public var content: Content
    /// The tag in full; nil when none was written. A scalar has it too, as its meaning depends on it.
    public var tag: String?

    public init(line: Int, _ content: Content, tag: String? = nil) {
        self.line = line
        self.content = content
        self.tag = tag
    }

    /// The kinds of values.
    public enum Content: Hashable, Sendable {
        case scalar(YAMLScalar)
        case sequence([YAMLValue])
        case mapping([YAMLEntry])
    }

    /// What the value is, for messages.
    public var typeName: String {
        switch content {
        case .scalar(let scalar): scalar.resolved.typeName
        case .sequence: "list"
        case .mapping: "mapping"
        }
    }

    /// Whether it is the null of the core schema, which an absent value is too.
    public var isNull: Bool {
        if case .scalar(let scalar) = content { scalar.resolved == .null } else { false }
    }

    /// The value under `key`; nil when there is none, it is null, or this is no mapping.
    public subscript(key: String) -> YAMLValue? {
        guard case .mapping(let entries) = content,
            let entry = entries.first(where: { $0.key == key }), !entry.value.isNull
        else { return nil }
        return entry.value
    }
}

/// A key with its value. Keys are scalars, and unique in their mapping.
public struct YAMLEntry: Hashable, Sendable {
    public var key: String
    public var value: YAMLValue

    public init(key: String, value: YAMLValue) {
        self.key = key
        self.value = value
    }
}
