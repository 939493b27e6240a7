/// The alerts that we send by ourselves (RFC 8446 6).
public enum TLSAlert: UInt8, Sendable {
    case closeNotify = 0
    case unexpectedMessage = 10
    case badRecordMAC = 20
    case recordOverflow = 22
    case illegalParameter = 47
    case decodeError = 50

    /// The payload of its record: level and description.
    var payload: [UInt8] { [self == .closeNotify ? 1 : 2, rawValue] }
}
