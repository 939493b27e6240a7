import Primitives

/// Makes choices out of the bytes of an input: where these end every choice is the first one.
struct Choices {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isExhausted: Bool { position >= bytes.count }

    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func word() -> UInt64 { (0..<8).reduce(0) { word, _ in word << 8 | UInt64(byte()) } }

    /// A number below `bound`, which is at most 65536.
    mutating func below(_ bound: Int) -> Int {
        bound <= 256 ? Int(byte()) % bound : (Int(byte()) << 8 | Int(byte())) % bound
    }

    /// True once in `count`.
    mutating func oneIn(_ count: Int) -> Bool { below(count) == count - 1 }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    /// Mostly none of the elements, sometimes some.
    mutating func some<Element>(_ elements: [Element]) -> [Element] {
        (0..<[0, 0, 0, 1, 1, 2][below(6)]).map { _ in pick(elements) }
    }

    /// At most `count` of the bytes that are left.
    mutating func take(_ count: Int) -> [UInt8] {
        let taken = bytes[min(position, bytes.count)...].prefix(count)
        position += taken.count
        return Array(taken)
    }

    mutating func rest() -> [UInt8] { take(.max) }
}
