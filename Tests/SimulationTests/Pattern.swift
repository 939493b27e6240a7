/// The bytes that one end of a conversation sends: first its key, in eight bytes, then bytes each of which is known by
/// its place, and no two keys' alike.
enum Pattern {
    static let headByteCount = 8
    /// The longest piece that can be asked for at once.
    static let pieceByteCountMax = 4099

    private static let block: [UInt8] = {
        var chance = Chance(seed: 7)
        let bytes = (0..<pieceByteCountMax).map { _ in UInt8(truncatingIfNeeded: chance.next()) }
        return bytes + bytes
    }()

    static func head(_ key: Int) -> [UInt8] {
        (0..<headByteCount).map { UInt8(truncatingIfNeeded: key >> (8 * (headByteCount - 1 - $0))) }
    }

    static func key(of head: [UInt8]) -> Int { head.reduce(0) { $0 << 8 | Int($1) } }

    /// The bytes from `offset` on, at most so many; never across the end of the head.
    static func piece(_ key: Int, at offset: Int, count: Int) -> ArraySlice<UInt8> {
        guard offset >= headByteCount else { return head(key)[offset...].prefix(count) }
        let start = (offset + key * 37) % pieceByteCountMax
        return block[start..<start + min(count, pieceByteCountMax)]
    }
}
