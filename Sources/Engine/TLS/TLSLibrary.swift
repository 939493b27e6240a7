import COpenSSL

/// OpenSSL as a whole.
public enum TLSLibrary {
    /// Binds this process to a policy. To be called before anything else is asked of OpenSSL. With `fips`, all
    /// cryptography of the process is that of the FIPS provider from then on, which OpenSSL's configuration must have
    /// installed (`openssl fipsinstall`).
    /// - Throws: when the OpenSSL that is here cannot keep to it.
    public static func adopt(_ policy: CompliancePolicy) throws(TLSFailure) {
        ErrorQueue.clear()
        if policy == .fips {
            try load("fips", "no FIPS provider")
            // What reads and writes keys and certificates; it does no cryptography.
            try load("base", "no base provider")
            try check(unsafe EVP_set_default_properties(nil, "fips=yes"), .configuration, "FIPS properties")
        }
        var options = TLSOptions()
        options.compliance = policy
        _ = try TLSContext.serverAuthenticated(roots: nil, options: options)
    }

    /// Loads a provider for the life of the process.
    private static func load(_ provider: String, _ doing: String) throws(TLSFailure) {
        guard unsafe OSSL_PROVIDER_load(nil, provider) != nil else {
            throw TLSFailure(.configuration, doing, ErrorQueue.drain())
        }
    }
}
