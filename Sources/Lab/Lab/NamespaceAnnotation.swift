import Compiler
import Manifests
import YAML

/// Writes into manifests where the network namespaces of pods are, and leaves the rest of the text as its author
/// wrote it.
enum NamespaceAnnotation {
    private struct Insertion {
        /// Counted from 0.
        let line: Int
        let edit: (Substring) -> String
    }

    /// The text with the annotation on each pod that `place` knows a namespace for.
    static func annotate(
        _ text: String, file: String, place: (ObjectName) -> String?
    ) throws(LabFailure) -> String {
        var insertions: [Insertion] = []
        var expected: [ObjectName: String] = [:]
        for (pod, metadata) in try pods(text, file) {
            guard let path = place(pod.name) else { continue }
            guard pod.annotations[EnrolmentRule.networkNamespaceAnnotation] == nil else {
                throw .manifests("\(file): \(pod.name) has a network namespace already")
            }
            insertions.append(insertion(of: path, metadata: metadata))
            expected[pod.name] = path
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for insertion in insertions { lines[insertion.line] = insertion.edit(lines[insertion.line][...]) }
        let result = lines.joined(separator: "\n")
        // The text was edited by lines, so make sure that it says what it was meant to.
        for (pod, _) in try pods(result, file)
        where pod.annotations[EnrolmentRule.networkNamespaceAnnotation] != expected[pod.name] {
            throw .manifests("\(file): write the metadata of pod \(pod.name) one key a line, to be annotated")
        }
        return result
    }

    private static func pods(
        _ text: String, _ file: String
    ) throws(LabFailure) -> [(ObjectMetadata, YAMLValue)] {
        do {
            return try YAML.documents(Array(text.utf8)).compactMap { document in
                guard try document.string(at: "kind") == "Pod", let metadata = document["metadata"] else { return nil }
                return (try ObjectMetadata(document), metadata)
            }
        } catch {
            throw .manifests("\(file): \(error)")
        }
    }

    /// In block style a line before the first key; in flow style a member after the brace.
    private static func insertion(of path: String, metadata: YAMLValue) -> Insertion {
        let member = "\"\(EnrolmentRule.networkNamespaceAnnotation)\": \"\(path)\""
        if let annotations = metadata["annotations"] {
            return Insertion(line: annotations.line - 1) { line in
                addMember("\(member)", to: line, key: "annotations") ?? "\(indentation(line))\(member)\n\(line)"
            }
        }
        return Insertion(line: metadata.line - 1) { line in
            addMember("\"annotations\": {\(member)}", to: line, key: "metadata")
                ?? "\(indentation(line))annotations:\n\(indentation(line))  \(member)\n\(line)"
        }
    }

    /// The line with `member` first in the flow mapping under `key`; nil when the line does not begin one.
    private static func addMember(_ member: String, to line: Substring, key: String) -> String? {
        for spelling in ["\(key): {", "\"\(key)\": {"] {
            guard let range = line.firstRange(of: spelling) else { continue }
            return "\(line[..<range.upperBound])\(member), \(line[range.upperBound...])"
        }
        return nil
    }

    private static func indentation(_ line: Substring) -> Substring { line.prefix { $0 == " " } }
}
