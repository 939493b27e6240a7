import Compiler
import Manifests
import Primitives
import Schema
import YAML

extension FuzzTarget {
    /// Whatever is read as YAML is bounded, and is read the same again.
    static let yaml = FuzzTarget("yaml") { bytes in
        do throws(YAMLError) {
            let documents = try YAML.documents(bytes)
            check(documents.allSatisfy { !$0.isNull }, "empty documents are left out")
            let count = documents.reduce(0) { $0 + valueCount($1, depth: 0) }
            check(count <= Limits.yamlValueCountMax, "values are bounded")
            check((try? YAML.documents(bytes)) == documents, "one text, one meaning")
        } catch {
            let lineCount = bytes.count { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } + bytes.count / 2 + 2
            check(error.line >= 1 && error.line <= lineCount, "an error has a line")
            check(!error.reason.isEmpty, "an error has a reason")
        }
    }

    private static func valueCount(_ value: YAMLValue, depth: Int) -> Int {
        check(depth <= Limits.yamlDepthMax, "depth is bounded")
        switch value.content {
        case .scalar(let scalar):
            if case .integer(let number) = scalar.resolved {
                check((try? value.integer(in: .min ... .max)) == number, "an integer is one")
            }
            return 1
        case .sequence(let elements): return elements.reduce(1) { $0 + valueCount($1, depth: depth + 1) }
        case .mapping(let entries):
            check(Set(entries.map(\.key)).count == entries.count, "keys are unique")
            return entries.reduce(1) { $0 + valueCount($1.value, depth: depth + 1) }
        }
    }

    /// Whatever manifests are taken compile to resources that the nodes can read.
    static let manifests = FuzzTarget("manifests") { bytes in
        var objects = ManifestSet()
        do throws(ManifestError) {
            try objects.add(bytes, file: "a.yaml")
        } catch {
            return check(
                error.line.map { $0 >= 1 } ?? true && !error.reason.isEmpty, "an error has a line and a reason")
        }
        let resources = Compiler.compile(objects, settings: MeshSettings())
        check(Compiler.compile(objects, settings: MeshSettings()) == resources, "a function of its arguments")
        for (name, address) in resources.addresses {
            let bytes = address.protobuf()
            check((try? Address(protobuf: bytes)) == address, "\(name) is read back")
        }
        for (name, policy) in resources.authorizations {
            check((try? Authorization(protobuf: policy.protobuf())) == policy, "\(name) is read back")
            check(name == "\(policy.namespace)/\(policy.name)", "a policy is named for itself")
        }
        check(!resources.json.isEmpty, "resources are shown")
    }
}
