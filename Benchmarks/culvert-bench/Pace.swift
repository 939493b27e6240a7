import Glibc
import Primitives
import System

/// Sends requests when they are due, on a thread of its own: the loop's timers are a millisecond coarse.
struct Pace: Sendable {
    let begin: Instant
    let interval: Duration
    let total: Int
    /// Of the connections, which take turns. They stay open as long as the process lives.
    let descriptors: [Int32]
    let message: [UInt8]

    /// Makes sleeps as precise as the kernel can, for threads that the calling one starts. A kernel that does not let
    /// us adds its 50 microseconds to every contender's times.
    static func sharpenSleep() {
        let setting = unsafe open("/proc/self/timerslack_ns", O_WRONLY)
        guard setting >= 0 else { return }
        _ = unsafe write(setting, "1", 1)
        close(setting)
    }

    func run() {
        for number in 0..<total {
            sleep(until: begin + interval * number)
            guard send(to: descriptors[number % descriptors.count]) else { return }
        }
    }

    private func sleep(until moment: Instant) {
        let (seconds, rest) = moment.nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        var deadline = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
        while unsafe clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nil) == EINTR {}
    }

    /// Waits where the socket is full; what is late meanwhile counts from when it was due. False once it is broken.
    private func send(to descriptor: Int32) -> Bool {
        var sent = 0
        while sent < message.count {
            let count = unsafe message.withUnsafeBytes { bytes in
                unsafe Glibc.send(
                    descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wait, 1, -1)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }
}
