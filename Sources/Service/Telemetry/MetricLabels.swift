import Primitives

/// Labels of a sample as they are written, `a="b",c="d"`.
public struct MetricLabels: Hashable, Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    /// A single label.
    public init(_ name: StaticString, _ value: String) { append(name, value) }

    /// Adds a label. An empty value is written `unknown` (ztunnel), one of more bytes than
    /// `Limits.metricLabelByteCountMax` is cut: peers choose some of them.
    public mutating func append(_ name: StaticString, _ value: String) {
        begin(name)
        if value.isEmpty {
            bytes += Array("unknown".utf8)
        } else {
            append(escaping: value.utf8.count <= Limits.metricLabelByteCountMax ? value : Self.cut(value))
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Adds a label whose value is left open, for the caller to write between the two.
    public mutating func appendOpen(_ name: StaticString) -> Int {
        begin(name)
        let position = bytes.count
        bytes.append(UInt8(ascii: "\""))
        return position
    }

    private mutating func begin(_ name: StaticString) {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
        bytes += Array("\(name)=\"".utf8)
    }

    private mutating func append(escaping value: String) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case UInt8(ascii: "\n"):
                bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            default: bytes.append(byte)
            }
        }
    }

    /// As many whole characters as fit.
    private static func cut(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            guard text.utf8.count + UTF8.width(scalar) <= Limits.metricLabelByteCountMax else { break }
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}
