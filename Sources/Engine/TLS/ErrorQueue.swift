import COpenSSL
import Primitives

/// OpenSSL's error queue of this thread. It is cleared before each operation whose errors will be read.
enum ErrorQueue {
    /// One entry: the library and reason numbers, and the texts.
    struct Entry {
        let library: Int32
        let reason: Int32
        let text: String
    }

    static func clear() {
        // What makes an object of OpenSSL's clears the queue first, so this comes before OpenSSL allocates anything.
        _ = keepsBlocks
        ERR_clear_error()
    }

    private static let keepsBlocks: Void = culvert_keep_blocks()

    /// Takes all entries, oldest first, and keeps the first few.
    static func drain() -> [Entry] {
        var entries: [Entry] = []
        while true {
            var detail: UnsafePointer<CChar>?
            var flags: Int32 = 0
            let code = unsafe ERR_get_error_all(nil, nil, nil, &detail, &flags)
            guard code != 0 else { return entries }
            guard entries.count < Limits.tlsErrorCountMax else { continue }
            var text = "error \(code)"
            if let reason = unsafe ERR_reason_error_string(code) { text = unsafe String(cString: reason) }
            if flags & ERR_TXT_STRING != 0, let detail = unsafe detail, unsafe detail.pointee != 0 {
                text += unsafe " (\(String(cString: detail)))"
            }
            entries.append(
                Entry(library: culvert_error_library(code), reason: culvert_error_reason(code), text: text))
        }
    }
}

extension TLSFailure {
    /// What failed, and what OpenSSL says about it.
    init(_ kind: Kind, _ doing: String, _ entries: [ErrorQueue.Entry]) {
        self.init(kind, ([doing] + entries.map(\.text)).joined(separator: ": "))
    }
}

/// Throws what OpenSSL said unless `outcome` is positive.
func check(_ outcome: Int32, _ kind: TLSFailure.Kind, _ doing: String) throws(TLSFailure) {
    guard outcome > 0 else { throw TLSFailure(kind, doing, ErrorQueue.drain()) }
}
