/// Called by libFuzzer with each input; a property that is broken ends the run and leaves the input behind.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let broken = ParserProperties.broken(by: Array(UnsafeBufferPointer(start: start, count: count)))
    precondition(broken.isEmpty, "\(broken)")
    return 0
}
