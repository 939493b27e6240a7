import CNghttp2
import Primitives

extension [HTTPField] {
    /// The list as nghttp2 takes it, valid during the call; nghttp2 keeps copies.
    func withNameValues<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        var text: [UInt8] = []
        text.reserveCapacity(reduce(0) { $0 + $1.name.utf8.count + $1.bytes.count })
        for field in self {
            text.append(contentsOf: field.name.utf8)
            text.append(contentsOf: field.bytes)
        }
        return unsafe text.withUnsafeMutableBufferPointer { text in
            var list: [nghttp2_nv] = unsafe []
            unsafe list.reserveCapacity(count)
            var place = text.baseAddress
            for field in self {
                let nameLength = field.name.utf8.count
                let value = unsafe place.map { unsafe $0 + nameLength }
                unsafe list.append(
                    nghttp2_nv(
                        name: place, value: value, namelen: nameLength, valuelen: field.bytes.count,
                        flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                unsafe place = value.map { unsafe $0 + field.bytes.count }
            }
            return unsafe list.withUnsafeBufferPointer { unsafe body($0.baseAddress, $0.count) }
        }
    }
}
