import Primitives

/// `MODE --name value ...`
struct Arguments {
    struct Problem: Error { let text: String }

    let mode: String
    private var values: [String: String] = [:]

    init(_ words: [String]) throws(Problem) {
        guard let first = words.first else { throw Problem(text: "a mode is missing") }
        mode = first
        var rest = words.dropFirst()
        while let name = rest.popFirst() {
            guard name.hasPrefix("--"), let value = rest.popFirst() else {
                throw Problem(text: "\(name): expected --name value")
            }
            values[String(name.dropFirst(2))] = value
        }
    }

    func text(_ name: String) throws(Problem) -> String {
        guard let value = values[name] else { throw Problem(text: "--\(name) is missing") }
        return value
    }

    func number(_ name: String, default assumed: Int) throws(Problem) -> Int { try optionalNumber(name) ?? assumed }

    func optionalNumber(_ name: String) throws(Problem) -> Int? {
        guard let text = values[name] else { return nil }
        guard let value = Int(text), value > 0 else { throw Problem(text: "--\(name): \(text) is no positive number") }
        return value
    }

    func endpoints(_ name: String) throws(Problem) -> [Endpoint] {
        let text = try text(name)
        let found = text.split(separator: ",").map { Endpoint(String($0)) }
        let endpoints = found.compactMap { $0 }
        guard !endpoints.isEmpty, endpoints.count == found.count else {
            throw Problem(text: "--\(name): \(text) does not name addresses with ports")
        }
        return endpoints
    }

    func endpoint(_ name: String) throws(Problem) -> Endpoint {
        let text = try text(name)
        guard let value = Endpoint(text) else { throw Problem(text: "--\(name): \(text) is no address and port") }
        return value
    }
}
