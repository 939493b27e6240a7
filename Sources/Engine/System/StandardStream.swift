internal import CLinux

/// What a program was given to write to, for its last words and for tools.
public enum StandardStream: Int32, Sendable {
    case output = 1
    case errors = 2

    /// Writes all of `text`; gives up when nobody reads.
    public func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe CLinux.write(rawValue, $0.baseAddress, $0.count) }
            if count < 0, Errno.current != .interrupted { return }
            rest = rest.dropFirst(max(0, count))
        }
    }
}
