import Primitives

/// Hands out one copy of equal values, so that the many workloads of a mesh share what they have in common.
struct SharingPool<Value: Hashable> {
    private var values: Set<Value> = []

    /// The copy that is shared by all who ask for an equal value.
    mutating func shared(_ value: Value) -> Value {
        // What is no longer used by anyone is forgotten all at once; what still is gets shared anew from then on.
        if values.count >= Limits.sharedValueCountMax { values = [] }
        return values.insert(value).memberAfterInsert
    }
}
