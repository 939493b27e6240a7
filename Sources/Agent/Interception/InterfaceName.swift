/// The name of a network interface, safe to be a word of a rule.
public struct InterfaceName: Hashable, Sendable, LosslessStringConvertible {
    public let description: String

    /// Nil when the kernel would not accept the name, or when it could be read as anything but one word: 1 to 15
    /// letters, digits, dots, dashes and underscores, not beginning with a dash. A `+` is refused, for iptables
    /// matches by it.
    public init?(_ text: String) {
        let allowed = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard (1...15).contains(text.utf8.count), text.utf8.allSatisfy(allowed), text.first != "-", text != ".",
            text != ".."
        else { return nil }
        description = text
    }
}
