/// A reference that is followed without being counted, for the data path: counting costs two atomic operations each
/// time. Whoever makes one vouches that the object lives for as long as the reference is used.
@safe public struct Borrowed<Object: AnyObject> {
    private let reference: Unmanaged<Object>

    /// Refers to `object` and keeps nothing alive.
    public init(_ object: Object) { unsafe reference = .passUnretained(object) }

    /// Calls `body` with the object, which somebody else keeps alive meanwhile.
    @inline(__always)
    public func with<Result>(_ body: (Object) -> Result) -> Result {
        unsafe reference._withUnsafeGuaranteedRef(body)
    }
}

@available(*, unavailable) extension Borrowed: Sendable {}
