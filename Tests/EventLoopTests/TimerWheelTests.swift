import Testing

@testable import EventLoop

@Suite struct TimerWheelTests {
    @Test func `timers fire in order, never early and never late, whatever their distance`() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        var now: UInt64 = 1_000_003
        var wheel = TimerWheel<UInt64>(tick: now)
        var waiting: [(token: TimerToken, deadline: UInt64)] = []
        for _ in 0..<20_000 {
            if random(50) == 0 { wheel.trim() }
            switch random(4) {
            case 0, 1:
                let distance = 1 + random([3, 70, 5000, 300_000][Int(random(4))])
                waiting.append((wheel.insert(deadline: now + distance, now + distance), now + distance))
            case 2 where !waiting.isEmpty:
                let victim = waiting.remove(at: Int(random(UInt64(waiting.count))))
                #expect(wheel.remove(victim.token) == victim.deadline, "seed \(seed)")
                #expect(wheel.remove(victim.token) == nil, "seed \(seed)")
            default:
                now += random(random(10) == 0 ? 100_000 : 50)
                var fired: [UInt64] = []
                while let timer = wheel.popDue(upTo: now) { fired.append(timer) }
                let due = waiting.filter { $0.deadline <= now }.map(\.deadline).sorted()
                waiting.removeAll { $0.deadline <= now }
                #expect(fired == due, "seed \(seed)")
            }
            #expect(wheel.count == waiting.count, "seed \(seed)")
            if let next = wheel.nextTick, let nearest = waiting.map(\.deadline).min() {
                #expect(next <= nearest && next > now, "seed \(seed)")
            }
        }
    }

    @Test func `a timer beyond the wheel's span still fires at its time`() {
        var wheel = TimerWheel<Int>(tick: 5)
        let deadline: UInt64 = 5 + (1 << 26)
        _ = wheel.insert(deadline: deadline, 1)
        var fired = 0
        while let timer = wheel.popDue(upTo: deadline - 1) { fired += timer }
        #expect(fired == 0)
        while let timer = wheel.popDue(upTo: deadline) { fired += timer }
        #expect(fired == 1)
    }

    @Test(arguments: [0, 5, 1_000_003, 0x3_ffff, 0x4_0000, 0x100_0007, 0xff_ffff_ffff] as [UInt64])
    func `a timer that is a day away is looked at a few times until then`(start: UInt64) {
        var wheel = TimerWheel<Int>(tick: start)
        let deadline = start + 86_400_000
        _ = wheel.insert(deadline: deadline, 1)
        var (lookCount, fired) = (0, 0)
        while fired == 0, lookCount < 100, let next = wheel.nextTick {
            #expect(next <= deadline)
            fired = wheel.popDue(upTo: next) ?? 0
            lookCount += 1
        }
        #expect(fired == 1 && lookCount <= 10, "\(lookCount)")
    }
}
