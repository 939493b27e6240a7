import CLinux
public import Primitives

/// The clock that never jumps; only event loops read it.
public enum MonotonicClock {
    /// Time since an arbitrary moment, the same for all processes of this boot.
    public static func now() -> Instant {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }
}

/// The processor time of this process.
public enum ProcessorClock {
    /// What all its threads have spent since it began.
    public static func spent() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}

/// The calendar; certificates and logs read it.
public enum WallClock {
    /// The system's date and time, which an operator may change.
    public static func now() -> WallTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }
}

/// The kernel's random bytes.
public enum Entropy {
    /// Fills the buffer; waits only while a machine that has just started gathers entropy.
    public static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        var filled = 0
        while filled < bytes.count {
            guard let base = bytes.baseAddress else { return }
            let got = unsafe getrandom(base + filled, bytes.count - filled, 0)
            if got > 0 { filled += got }
        }
    }

    /// 64 random bits.
    public static func uint64() -> UInt64 {
        var value: UInt64 = 0
        unsafe withUnsafeMutableBytes(of: &value) { unsafe fill($0) }
        return value
    }
}
