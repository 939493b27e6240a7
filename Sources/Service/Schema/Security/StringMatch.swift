extension Authorization {
    /// A condition on a string.
    public struct StringMatch: ProtobufMessage {
        /// Nil for a kind that this version does not know.
        public var kind: Kind?

        public init() {}
        public init(_ kind: Kind) { self.kind = kind }

        /// How the string is compared.
        public enum Kind: Hashable, Sendable {
            case exact(String)
            case prefix(String)
            case suffix(String)
            /// Any string, as long as there is one.
            case presence
        }

        public mutating func fields<V: FieldVisitor>(_ visitor: inout V) throws(V.Failure) {
            try visitor.field(1, "exact", &exact)
            try visitor.field(2, "prefix", &prefix)
            try visitor.field(3, "suffix", &suffix)
            try visitor.field(4, "presence", &presence)
        }

        private var exact: String? {
            get { if case .exact(let text) = kind { text } else { nil } }
            set { if let newValue { kind = .exact(newValue) } }
        }
        private var prefix: String? {
            get { if case .prefix(let text) = kind { text } else { nil } }
            set { if let newValue { kind = .prefix(newValue) } }
        }
        private var suffix: String? {
            get { if case .suffix(let text) = kind { text } else { nil } }
            set { if let newValue { kind = .suffix(newValue) } }
        }
        private var presence: EmptyMessage? {
            get { kind == .presence ? EmptyMessage() : nil }
            set { if newValue != nil { kind = .presence } }
        }
    }
}
