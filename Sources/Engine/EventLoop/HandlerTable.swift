/// The handlers that a loop watches for, each in the place that its registration names. A handler is taken out of its
/// place while it is called rather than counted once more, and so lives until it has returned even if it ends its own
/// watch.
struct HandlerTable {
    private struct Slot {
        /// Nil where nobody is watched for, and while the handler is called.
        var handler: (any EventHandler)?
        /// Another for each watch; 0 where there is none.
        var generation: UInt32 = 0
    }

    private var slots: [Slot] = []
    private var free: [UInt32] = []
    private var lastGeneration: UInt32 = 0

    mutating func insert(_ handler: any EventHandler) -> Registration {
        let index = free.popLast() ?? UInt32(slots.count)
        if index == slots.count { slots.append(Slot()) }
        lastGeneration = lastGeneration == .max ? 1 : lastGeneration + 1
        slots[Int(index)] = Slot(handler: handler, generation: lastGeneration)
        return Registration(index: index, generation: lastGeneration)
    }

    /// Whether the watch goes on.
    func holds(_ registration: Registration) -> Bool {
        let index = Int(registration.index)
        return index < slots.count && slots[index].generation == registration.generation
    }

    /// Takes a handler out, to be put back or dropped by the caller: what goes with it may end other watches. Nil when
    /// its watch has ended or it is out already.
    mutating func take(_ registration: Registration) -> (any EventHandler)? {
        holds(registration) ? slots[Int(registration.index)].handler.take() : nil
    }

    /// Puts back a handler whose watch goes on.
    mutating func putBack(_ handler: consuming any EventHandler, _ registration: Registration) {
        slots[Int(registration.index)].handler = handler
    }

    /// Ends the watch of a handler that is out.
    mutating func remove(_ registration: Registration) {
        slots[Int(registration.index)].generation = 0
        free.append(registration.index)
    }

    /// Gives back the room behind the last watch.
    mutating func trim() {
        while let last = slots.last, last.generation == 0 { slots.removeLast() }
        // Into a block of its size.
        slots = slots.map { $0 }
        free = free.filter { $0 < slots.count }
    }
}
