import Glibc

/// Something that reads what a peer sends: a name and what must hold whatever the bytes are. The body ends the process
/// by `check` when a property is broken; libFuzzer then keeps the input.
struct FuzzTarget: Sendable {
    let name: String
    let body: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ body: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.body = body
    }
}

/// Ends the process when a property does not hold.
func check(_ holds: Bool, _ property: @autoclosure () -> String, line: Int = #line, file: String = #fileID) {
    if !holds { fatalError("broken: \(property()) (\(file):\(line))") }
}

/// The value of an expression that may only fail by a mistake of the target's own.
func expectSuccess<Value>(_ body: () throws -> Value) -> Value {
    do { return try body() } catch { fatalError("the target cannot set up: \(error)") }
}

/// The target of this process; chosen once, before libFuzzer runs.
nonisolated(unsafe) private var selected: FuzzTarget?

/// Chooses a target by its name; without a name of that kind all of them are printed.
@_cdecl("culvert_fuzz_select")
public func fuzzSelect(_ name: UnsafePointer<CChar>) -> CInt {
    // Our programs ignore broken pipes.
    signal(SIGPIPE, SIG_IGN)
    selected = FuzzTarget.all.first { $0.name == String(cString: name) }
    guard selected == nil else { return 1 }
    for target in FuzzTarget.all { print(target.name) }
    return 0
}

/// Called by libFuzzer with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    selected?.body(Array(UnsafeBufferPointer(start: start, count: count)))
    return 0
}
