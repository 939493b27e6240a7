import Primitives

extension Limits {
    /// Keys that one rule's conditions on several attributes may multiply to; beyond, fewer attributes are combined. A
    /// single attribute has as many keys as it has values.
    static let policyKeyCombinationCountMax = 64
}
