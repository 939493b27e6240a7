import CLinux
import Synchronization
import System

/// The only object of a loop that other threads may touch: work left in it runs on the loop's thread in the order of
/// posting.
public final class Mailbox: Sendable {
    public typealias Work = @Sendable (EventLoop) -> Void

    private let pending = Mutex<[Work]>([])
    let wakeUp: OwnedDescriptor

    init() throws(Errno) {
        let raw = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        guard raw >= 0 else { throw Errno.current }
        wakeUp = OwnedDescriptor(adopting: raw)
    }

    /// Leaves work for the loop and wakes it. Only the first of several posts pays for the wake-up.
    public func post(_ work: @escaping Work) {
        let wasEmpty = pending.withLock { queue in
            queue.append(work)
            return queue.count == 1
        }
        if wasEmpty { Wakeup.signal(wakeUp) }
    }

    func takeAll() -> [Work] {
        var value: eventfd_t = 0
        _ = unsafe eventfd_read(wakeUp.raw, &value)
        return pending.withLock { queue in
            let taken = queue
            queue = []
            return taken
        }
    }
}
