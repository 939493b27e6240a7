import Primitives
import Testing
import YAML

private func documents(_ text: String) throws -> [YAMLValue] { try YAML.documents(Array(text.utf8)) }

@Suite struct YAMLTests {
    @Test func `documents come in order with their lines, empty ones left out`() throws {
        let found = try documents("a: 1\n---\n---\n# nothing\n---\n- b\n-   c: d\n")
        #expect(found.count == 2)
        #expect(found[0]["a"]?.line == 1)
        let list = try found[1].sequence()
        #expect(list.map(\.line) == [6, 7])
        #expect(try list[1]["c"]?.string() == "d")
    }

    @Test func `plain scalars have the meaning of the core schema and quoted ones are strings`() throws {
        let vectors: [(String, YAMLScalar.Resolved)] = [
            ("true", .bool(true)), ("False", .bool(false)), ("'true'", .string("true")), ("yes", .string("yes")),
            ("12", .integer(12)), ("-3", .integer(-3)), ("+4", .integer(4)), ("0x1F", .integer(31)),
            ("0o17", .integer(15)),
            ("\"12\"", .string("12")), ("1.10", .number), ("-1.5e3", .number), ("1e3", .string("1e3")),
            (".inf", .number),
            ("99999999999999999999", .number), ("1.2.3", .string("1.2.3")), ("10.0.0.1", .string("10.0.0.1")),
            ("null", .null), ("~", .null), ("''", .string("")), ("!!str 12", .string("12")), ("5e8f", .string("5e8f")),
            ("0x-1", .string("0x-1")), ("-", .string("-")), ("2024-01-01T00:00:00Z", .string("2024-01-01T00:00:00Z")),
        ]
        for (text, meaning) in vectors {
            let found = try documents("key: \(text == "-" ? "'-'" : text)")
            guard case .mapping(let entries) = found[0].content, case .scalar(let scalar) = entries[0].value.content
            else {
                Issue.record("\(text) is no scalar")
                continue
            }
            #expect(scalar.resolved == meaning, "\(text)")
        }
    }

    @Test func `a block scalar is a string whatever it holds`() throws {
        #expect(try documents("a: |\n  12\n")[0]["a"]?.string() == "12\n")
        #expect(try documents("a: >-\n  true\n")[0]["a"]?.string() == "true")
    }

    @Test func `JSON is read too`() throws {
        let found = try documents("{\"a\": [1, {\"b\": null}], \"c\": \"\\u00e9\"}")
        #expect(try found[0]["c"]?.string() == "é")
        #expect(try found[0]["a"]?.sequence()[0].integer(in: 0...9) == 1)
    }

    @Test func `aliases repeat what they name`() throws {
        let found = try documents("a: &x {k: [1, 2]}\nb: *x\n")
        #expect(found[0]["a"]?.content == found[0]["b"]?.content)
    }

    @Test func `what is wrong is named with its line`() {
        let vectors = [
            ("a: 1\nb: [1\n", 3), ("a: 1\na: 2\n", 2), ("a: b: c\n", 1), ("x: 1\ny: *none\n", 2), ("a: &a [*a]\n", 1),
            ("? [1]\n: 2\n", 1), ("ok: 1\n\tbad: 2\n", 2), ("a: 1\n<<: {b: 1}\n", 2), ("a: \"\u{1}\"\n", 1),
        ]
        for (text, line) in vectors {
            do {
                _ = try documents(text)
                Issue.record("accepted: \(text)")
            } catch let error as YAMLError {
                #expect(error.line == line, "\(text): \(error)")
            } catch {
                Issue.record("\(error)")
            }
        }
    }

    @Test func `a value of another type is named`() throws {
        let found = try documents("a:\n  b: 12\n")[0]
        let value = try #require(found["a"]?["b"])
        #expect(throws: YAMLError(line: 2, reason: "expected a string, found integer")) { _ = try value.string() }
        #expect(throws: YAMLError(line: 2, reason: "12 is not in 0...9")) { _ = try value.integer(in: 0...9) }
    }

    @Test func `aliases that multiply are refused by what they stand for`() {
        var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 1...8 {
            let previous = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            text += "a\(level): &a\(level) [\(previous)]\n"
        }
        #expect(throws: YAMLError.self) { _ = try documents(text) }
    }

    @Test func `nesting stops at the limit`() throws {
        let nested = { (depth: Int) in String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
        _ = try documents(nested(Limits.yamlDepthMax))
        #expect(throws: YAMLError.self) { _ = try documents(nested(Limits.yamlDepthMax + 2)) }
    }

    @Test func `bytes that are no text are an error`() {
        for bytes: [UInt8] in [[0xff, 0xfe, 0x00], [0x61, 0x3a, 0x20, 0xc3], [0x00], [0x2d, 0x20, 0x80]] {
            #expect(throws: YAMLError.self) { _ = try YAML.documents(bytes) }
        }
    }

    @Test func `mutated documents never crash`() {
        let original = Array("a: &x\n  - {b: 'c', d: \"e\"}\n  - |\n    text\nf: *x\n---\n? g\n: !!str 1\n".utf8)
        for seed in UInt64(0)..<3000 {
            var state = seed
            let next = { (bound: Int) -> Int in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            var bytes = original
            for _ in 0...next(3) { bytes[next(bytes.count)] = UInt8(next(256)) }
            _ = try? YAML.documents(bytes)
        }
    }
}
