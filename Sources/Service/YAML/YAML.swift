import Primitives

/// Reads YAML text: one or more documents, bounded in size, depth and in what aliases make of it.
public enum YAML {
    /// The documents of a text, empty ones left out.
    public static func documents(_ text: [UInt8]) throws(YAMLError) -> [YAMLValue] {
        guard text.count <= Limits.yamlByteCountMax else {
            throw YAMLError(line: 1, reason: "more than \(Limits.yamlByteCountMax) bytes")
        }
        guard let source = EventSource(text) else { throw YAMLError(line: 1, reason: "out of memory") }
        var composer = Composer(source: source)
        return try composer.documents()
    }

    /// The documents of a text each by itself, empty ones left out: one that is broken leaves the others readable.
    public static func separateDocuments(_ text: [UInt8]) -> [Result<YAMLValue, YAMLError>] {
        if let documents = try? documents(text) { return documents.map { .success($0) } }
        var results: [Result<YAMLValue, YAMLError>] = []
        for (piece, lines) in pieces(of: text) {
            do throws(YAMLError) {
                // As many empty lines before it as the text has, so that its lines are those of the text.
                let padded = [UInt8](repeating: UInt8(ascii: "\n"), count: lines) + piece
                for document in try documents(padded) { results.append(.success(document)) }
            } catch {
                results.append(.failure(error))
            }
        }
        return results
    }

    /// A text cut before each line that begins a document: with `---`, alone or before white space. No scalar holds
    /// such a line (YAML 1.2, 9.1.2).
    private static func pieces(of text: [UInt8]) -> [(piece: ArraySlice<UInt8>, linesBefore: Int)] {
        let newline = UInt8(ascii: "\n")
        var pieces: [(ArraySlice<UInt8>, Int)] = []
        var (start, startLine, line, index) = (0, 0, 0, 0)
        while index < text.count {
            let end = text[index...].firstIndex(of: newline).map { $0 + 1 } ?? text.count
            let rest = text[index..<end]
            if index > start, rest.starts(with: "---".utf8),
                rest.count < 4 || [32, 9, 10, 13].contains(rest[index + 3])
            {
                pieces.append((text[start..<index], startLine))
                (start, startLine) = (index, line)
            }
            (index, line) = (end, line + 1)
        }
        return pieces + [(text[start...], startLine)]
    }

    /// The one document of a text; nil when it is empty.
    public static func singleDocument(_ text: [UInt8]) throws(YAMLError) -> YAMLValue? {
        let documents = try documents(text)
        guard documents.count < 2 else { throw YAMLError(line: documents[1].line, reason: "a second document") }
        return documents.first
    }
}

/// Builds values out of events.
private struct Composer {
    /// A value that aliases may repeat, and how many values it stands for.
    private struct Anchored {
        var value: YAMLValue
        var count: Int
    }

    private let source: EventSource
    private var anchors: [String: Anchored] = [:]
    private var count = 0

    init(source: EventSource) { self.source = source }

    mutating func documents() throws(YAMLError) -> [YAMLValue] {
        var documents: [YAMLValue] = []
        while true {
            let (event, line) = try source.next()
            switch event {
            case .documentStart: anchors = [:]
            case .documentEnd: continue
            case .streamEnd: return documents
            default:
                let value = try value(event, line: line, depth: 0)
                if !value.isNull { documents.append(value) }
            }
        }
    }

    private mutating func value(
        _ event: EventSource.Event, line: Int, depth: Int
    ) throws(YAMLError) -> YAMLValue {
        guard depth <= Limits.yamlDepthMax else { throw YAMLError(line: line, reason: "nested too deeply") }
        let before = count
        try add(1, line: line)
        let name: String?
        let value: YAMLValue
        switch event {
        case .scalar(let scalar, let anchor):
            name = anchor
            value = YAMLValue(line: line, .scalar(scalar), tag: scalar.tag)
        case .sequenceStart(let anchor, let tag):
            name = anchor
            value = YAMLValue(line: line, .sequence(try elements(depth: depth)), tag: tag)
        case .mappingStart(let anchor, let tag):
            name = anchor
            value = YAMLValue(line: line, .mapping(try entries(depth: depth)), tag: tag)
        case .alias(let anchor):
            // Only a finished value is known by its anchor, so none contains itself.
            guard let repeated = anchors[anchor] else {
                throw YAMLError(line: line, reason: "unknown anchor \(anchor)")
            }
            try add(repeated.count - 1, line: line)
            return repeated.value
        case .documentStart, .documentEnd, .collectionEnd, .streamEnd:
            throw YAMLError(line: line, reason: "a value is missing")
        }
        if let name { anchors[name] = Anchored(value: value, count: count - before) }
        return value
    }

    private mutating func elements(depth: Int) throws(YAMLError) -> [YAMLValue] {
        var elements: [YAMLValue] = []
        while true {
            let (event, line) = try source.next()
            if case .collectionEnd = event { return elements }
            elements.append(try value(event, line: line, depth: depth + 1))
        }
    }

    private mutating func entries(depth: Int) throws(YAMLError) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        var keys: Set<String> = []
        while true {
            let (event, line) = try source.next()
            if case .collectionEnd = event { return entries }
            guard case .scalar(let key) = try value(event, line: line, depth: depth + 1).content else {
                throw YAMLError(line: line, reason: "a key must be a scalar")
            }
            guard keys.insert(key.text).inserted else {
                throw YAMLError(line: line, reason: "key \(key.text) comes twice")
            }
            guard key.text != "<<" || key.style != .plain else {
                throw YAMLError(line: line, reason: "merge keys are not supported")
            }
            let (valueEvent, valueLine) = try source.next()
            let value = try value(valueEvent, line: valueLine, depth: depth + 1)
            entries.append(YAMLEntry(key: key.text, value: value))
        }
    }

    private mutating func add(_ more: Int, line: Int) throws(YAMLError) {
        count += more
        guard count <= Limits.yamlValueCountMax else { throw YAMLError(line: line, reason: "too many values") }
    }
}
