internal import CLinux

/// How a process ended.
public enum ExitStatus: Equatable, Sendable {
    /// It returned so much.
    case exited(Int32)
    /// A signal ended it.
    case signalled(Int32)

    /// It returned zero.
    public var isSuccess: Bool { self == .exited(0) }

    /// From the form of waitpid.
    init(waitStatus: Int32) {
        self =
            culvert_wait_exited(waitStatus) != 0
            ? .exited(culvert_wait_exit_status(waitStatus)) : .signalled(culvert_wait_signal(waitStatus))
    }
}

extension ExitStatus: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let number): "signal \(number)"
        }
    }
}
