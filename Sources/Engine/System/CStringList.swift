internal import CLinux

/// Strings as C wants a list of them.
@unsafe struct CStringList {
    let pointers: [UnsafeMutablePointer<CChar>?]

    init(_ strings: [String]) { unsafe pointers = strings.map { unsafe strdup($0) } + [nil] }

    func release() { for index in unsafe pointers.indices { unsafe CLinux.free(pointers[index]) } }
}
