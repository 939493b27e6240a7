/// Reads an `Authorization` field by field. The numbers are those that `Authorization` and the messages in it declare.
struct FlatAuthorizationDecoder {
    private var decoder: FieldDecoder
    private var flat = FlatAuthorization()

    init(_ bytes: [UInt8]) {
        decoder = FieldDecoder(bytes)
        // About as many as most policies have.
        flat.parts.reserveCapacity(bytes.count / 12)
    }

    mutating func decode() throws(ProtobufError) -> FlatAuthorization {
        while let field = try decoder.next() {
            switch field.number {
            case 1: flat.name = try scalar(field)
            case 2: flat.namespace = try scalar(field)
            case 3: flat.scope = try scalar(field)
            case 4: flat.action = try scalar(field)
            case 5:
                flat.groupCount += 1
                try group(field)
            case 6: flat.dryRun = try scalar(field)
            case 7: try ignoreExtension(field)
            default: try decoder.skip(field)
            }
        }
        return flat
    }

    // MARK: Messages

    private mutating func group(_ field: FieldKey) throws(ProtobufError) {
        let outerEnd = try enterElement(field)
        flat.parts.append(.group)
        while let field = try decoder.next() {
            if field.number == 1 { try rules(field) } else { try decoder.skip(field) }
        }
        decoder.leave(to: outerEnd)
    }

    private mutating func rules(_ field: FieldKey) throws(ProtobufError) {
        let outerEnd = try enterElement(field)
        flat.parts.append(.rules)
        while let field = try decoder.next() {
            if field.number == 2 { try match(field) } else { try decoder.skip(field) }
        }
        decoder.leave(to: outerEnd)
    }

    private mutating func match(_ field: FieldKey) throws(ProtobufError) {
        let outerEnd = try enterElement(field)
        flat.parts.append(.match)
        while let field = try decoder.next() {
            // Each attribute has a field, and behind it the one that negates it.
            let isNegated = field.number % 2 == 0
            switch field.number {
            case 1, 2: add(.namespace(try string(field)), isNegated)
            case 3, 4: add(.principal(try string(field)), isNegated)
            case 5, 6:
                let (address, length) = try range(field)
                add(.sourceIP(address, length: length), isNegated)
            case 7, 8:
                let (address, length) = try range(field)
                add(.destinationIP(address, length: length), isNegated)
            case 9, 10: try ports(field, isNegated)
            case 11, 12: add(try serviceAccount(field), isNegated)
            case 13: try ignoreExtension(field)
            default: try decoder.skip(field)
            }
        }
        decoder.leave(to: outerEnd)
    }

    // MARK: Values

    /// The last kind counts; nil where none is known.
    private mutating func string(_ field: FieldKey) throws(ProtobufError) -> Authorization.StringMatch.Kind? {
        let outerEnd = try enterElement(field)
        var kind: Authorization.StringMatch.Kind?
        while let field = try decoder.next() {
            switch field.number {
            case 1: kind = .exact(try scalar(field))
            case 2: kind = .prefix(try scalar(field))
            case 3: kind = .suffix(try scalar(field))
            case 4:
                let outerEnd = try decoder.enter(field.number, field.wireType)
                while let unknown = try decoder.next() { try decoder.skip(unknown) }
                decoder.leave(to: outerEnd)
                kind = .presence
            default: try decoder.skip(field)
            }
        }
        decoder.leave(to: outerEnd)
        return kind
    }

    private mutating func range(
        _ field: FieldKey
    ) throws(ProtobufError) -> (address: ArraySlice<UInt8>, length: UInt32) {
        let outerEnd = try enterElement(field)
        var (address, length): (ArraySlice<UInt8>, UInt32) = ([], 0)
        while let field = try decoder.next() {
            switch field.number {
            case 1: address = try decoder.bytes(field)
            case 2: length = try scalar(field)
            default: try decoder.skip(field)
            }
        }
        decoder.leave(to: outerEnd)
        return (address, length)
    }

    /// Numbers that are packed, or one by itself.
    private mutating func ports(_ field: FieldKey, _ isNegated: Bool) throws(ProtobufError) {
        guard field.wireType == .delimited else {
            try decoder.countElement()
            return add(.destinationPort(try scalar(field)), isNegated)
        }
        let outerEnd = try decoder.enter(field.number, field.wireType)
        while !decoder.isAtEnd {
            try decoder.countElement()
            add(.destinationPort(try decoder.scalar(field.number, .varint)), isNegated)
        }
        decoder.leave(to: outerEnd)
    }

    private mutating func serviceAccount(_ field: FieldKey) throws(ProtobufError) -> FlatAuthorization.Value {
        let outerEnd = try enterElement(field)
        var (namespace, serviceAccount) = ("", "")
        while let field = try decoder.next() {
            switch field.number {
            case 1: namespace = try scalar(field)
            case 2: serviceAccount = try scalar(field)
            default: try decoder.skip(field)
            }
        }
        decoder.leave(to: outerEnd)
        return .serviceAccount(namespace: namespace, serviceAccount: serviceAccount)
    }

    private mutating func ignoreExtension(_ field: FieldKey) throws(ProtobufError) {
        let outerEnd = try enterElement(field)
        var ignored = Extension()
        try decoder.decode(into: &ignored)
        decoder.leave(to: outerEnd)
    }

    // MARK: Fields

    private mutating func scalar<S: ProtobufScalar>(_ field: FieldKey) throws(ProtobufError) -> S {
        try decoder.scalar(field.number, field.wireType)
    }

    private mutating func enterElement(_ field: FieldKey) throws(ProtobufError) -> Int {
        try decoder.countElement()
        return try decoder.enter(field.number, field.wireType)
    }

    private mutating func add(_ value: FlatAuthorization.Value, _ isNegated: Bool) {
        flat.valueCount += 1
        flat.parts.append(.value(value, isNegated: isNegated))
    }
}
