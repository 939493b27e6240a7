@testable import HTTP1
import Primitives

extension FuzzTarget {
    /// The pieces in which requests arrive make no difference, and a refusal is for good.
    static let http1 = FuzzTarget("http1") { bytes in
        var choices = Choices(bytes)
        let seed = choices.byte()
        let text = choices.rest()
        let whole = HTTP1Reading(text, pieceByteCounts: { text.count })
        let single = HTTP1Reading(text, pieceByteCounts: { 1 })
        var state = seed
        let uneven = HTTP1Reading(text) {
            state = state &* 13 &+ 7
            return Int(state % 37) + 1
        }
        check(whole == single && whole == uneven, "\(whole) \(single) \(uneven)")
        for request in whole.requests {
            check(request.fields.count <= Limits.http1FieldCountMax, "fields are bounded")
            check(request.body.count <= Limits.http1BodyByteCountMax, "bodies are bounded")
            check(request.fields.allSatisfy { $0.name == $0.name.lowercased() }, "names are in lower case")
            check(request.path.hasPrefix("/") || request.path == "*", "a path is one")
            check(!request.method.isEmpty, "a method is one")
            _ = request.parameters
        }
        // Two readings of one request are what smuggling is made of.
        check(whole.requests.allSatisfy { $0.fields.count { $0.name == "host" } <= 1 }, "one host")
    }
}

/// What a parser makes of a text in pieces.
private struct HTTP1Reading: Equatable {
    var requests: [HTTPRequest] = []
    var refusal: HTTPRefusal?

    init(_ text: [UInt8], pieceByteCounts: () -> Int) {
        var parser = HTTPRequestParser()
        var rest = text[...]
        while !rest.isEmpty, refusal == nil {
            let piece = rest.prefix(max(1, pieceByteCounts()))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { parser.receive($0) }
            do throws(HTTPRefusal) {
                while let request = try parser.next() { requests.append(request) }
            } catch {
                refusal = error
                check(!(400...599).contains(error.status) == false, "a refusal has a status")
                do { check(try parser.next() == nil && false, "a refusal is for good") } catch {}
            }
        }
    }
}
