import EventLoop
import Synchronization
import System

/// The threads of the workers. Each makes its own loop; what lives on it is sent there afterwards.
enum WorkerThreads {
    private final class Roll: Sendable {
        let mailboxes = Mutex<[Result<Mailbox, Errno>]>([])
        let arrived: OwnedDescriptor
        init() throws(Errno) { arrived = try Wakeup.make() }
    }

    /// Starts so many loops on threads of their own and returns when all of them turn.
    static func start(_ count: Int) throws(Errno) -> [Mailbox] {
        let roll = try Roll()
        for number in 0..<count {
            let isStarted = Thread.start(named: "culvert-\(number)") {
                let loop: EventLoop
                do throws(Errno) {
                    loop = try EventLoop()
                } catch {
                    roll.mailboxes.withLock { $0.append(.failure(error)) }
                    return Wakeup.signal(roll.arrived)
                }
                roll.mailboxes.withLock { $0.append(.success(loop.mailbox)) }
                Wakeup.signal(roll.arrived)
                loop.run()
                // Whoever lived here goes on the thread that it was made on.
                loop.resident = nil
            }
            guard isStarted else { throw .again }
        }
        while roll.mailboxes.withLock({ $0.count < count }) { Wakeup.wait(roll.arrived) }
        var mailboxes: [Mailbox] = []
        for result in roll.mailboxes.withLock({ $0 }) { mailboxes.append(try result.get()) }
        return mailboxes
    }
}
