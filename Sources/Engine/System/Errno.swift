import CLinux

/// A kernel error number.
public struct Errno: Error, Hashable, Sendable {
    public let code: Int32

    public init(_ code: Int32) { self.code = code }

    /// The error of the system call just made on this thread.
    public static var current: Errno {
        @inline(never) get { Errno(culvert_errno()) }
    }

    public static let again = Errno(EAGAIN)
    public static let inProgress = Errno(EINPROGRESS)
    public static let interrupted = Errno(EINTR)
    public static let connectionRefused = Errno(ECONNREFUSED)
    public static let networkUnreachable = Errno(ENETUNREACH)
    public static let connectionReset = Errno(ECONNRESET)
    public static let connectionAborted = Errno(ECONNABORTED)
    public static let brokenPipe = Errno(EPIPE)
    public static let timedOut = Errno(ETIMEDOUT)
    public static let noEntry = Errno(ENOENT)
    public static let exists = Errno(EEXIST)
    public static let invalid = Errno(EINVAL)
    public static let noMemory = Errno(ENOMEM)
    public static let noBufferSpace = Errno(ENOBUFS)
    public static let addressInUse = Errno(EADDRINUSE)
    public static let addressNotAvailable = Errno(EADDRNOTAVAIL)
    public static let familyNotSupported = Errno(EAFNOSUPPORT)
    public static let busy = Errno(EBUSY)
    public static let badMessage = Errno(EBADMSG)
    public static let messageTooLong = Errno(EMSGSIZE)
    public static let notPermitted = Errno(EPERM)
}

extension Errno: CustomStringConvertible {
    /// The kernel's text and number, such as "Connection refused (os error 111)".
    public var description: String {
        var text = [CChar](repeating: 0, count: 128)
        let failed = unsafe strerror_r(code, &text, text.count) != 0
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let name = failed ? "unknown error" : String(decoding: bytes, as: UTF8.self)
        return "\(name) (os error \(code))"
    }
}
