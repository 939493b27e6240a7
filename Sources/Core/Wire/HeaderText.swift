extension Collection<UInt8> {
    /// Whether the bytes are what ztunnel takes for the text of a header: visible ASCII, spaces and tabs.
    var isHeaderText: Bool { allSatisfy { (0x20...0x7e).contains($0) || $0 == 0x09 } }
}
