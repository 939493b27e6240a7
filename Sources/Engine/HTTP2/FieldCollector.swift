import Primitives

/// The fields of the header block that is being received: a connection has one at a time (RFC 9113 4.3). A block that
/// grows past the limit keeps nothing, so that it costs the peer more than us.
struct FieldCollector {
    private(set) var fields: [HTTPField] = []
    private(set) var isOversized = false
    /// Fields of this block so far.
    private(set) var count = 0
    private var byteCount = 0
    /// What the last field cost beyond what every request may: one if there are very many, and one for each KiB of a
    /// very long list.
    private(set) var lastCost = 0
    private let byteCountMax: Int

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    mutating func begin() {
        fields = []
        (byteCount, count) = (0, 0)
        isOversized = false
    }

    /// - Returns: false when the block stands for so much that decoding it further is not worth it.
    mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
        count += 1
        // No overflow: nghttp2 bounds a name and a value to 64 KiB each.
        let before = byteCount
        byteCount += name.count + value.count + Self.overheadByteCount
        let free = Limits.http2FreeFieldByteCount
        lastCost = max(byteCount, free) / 1024 - max(before, free) / 1024
        if count > Limits.http2FreeFieldCount { lastCost += 1 }
        if byteCount <= byteCountMax {
            fields.append(unsafe HTTPField(String(decoding: name, as: UTF8.self), bytes: Array(value)))
        } else if !isOversized {
            isOversized = true
            fields = []
        }
        return byteCount <= byteCountMax * Limits.http2FieldListFactor
    }

    /// What the block held; the collector is empty thereafter.
    mutating func take() -> [HTTPField] {
        let taken = fields
        fields = []
        return taken
    }

    /// RFC 9113 6.5.2.
    private static let overheadByteCount = 32
}
