/// A line of a key log (RFC 9850): a label, the client's random and a secret, both hexadecimal, with spaces between.
enum KeyLogLine {
    /// The secret of a line with this label; nil if it is another line, or not a secret of so many bytes.
    static func secret(in line: UnsafeRawBufferPointer, label: String, byteCount: Int) -> SecretBytes? {
        let label = label.utf8
        guard line.count > label.count, unsafe line.starts(with: label),
            unsafe line[label.count] == space, let last = unsafe line.lastIndex(of: space), last > label.count
        else { return nil }
        guard line.count - last - 1 == byteCount * 2 else { return nil }
        let secret = SecretBytes(count: byteCount)
        for index in 0..<byteCount {
            let place = last + 1 + index * 2
            guard let high = unsafe nibble(line[place]), let low = unsafe nibble(line[place + 1]) else { return nil }
            unsafe secret.bytes[index] = high << 4 | low
        }
        return secret
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static let space = UInt8(ascii: " ")
}
