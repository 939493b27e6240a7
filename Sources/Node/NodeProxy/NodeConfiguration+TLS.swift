import System
import TLS

extension NodeConfiguration {
    /// Versions, suites and key exchange: of tunnels, and but for the suites of the control plane too.
    static func tlsOptions(_ reader: EnvironmentReader) throws(ConfigurationError) -> TLSOptions {
        var options = TLSOptions()
        options.cipherSuites = try reader.cipherSuites("CULVERT_CIPHER_SUITES") ?? options.cipherSuites
        options.offersOffload = try reader.flag("CULVERT_KERNEL_TLS") ?? false
        options.acceptsTLS12 = try reader.flag("TLS12_ENABLED") ?? false
        guard let text = reader.text("COMPLIANCE_POLICY") else { return options }
        guard let policy = CompliancePolicy(rawValue: text) else {
            let known = CompliancePolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationError(variable: "COMPLIANCE_POLICY", reason: "\"\(text)\" is none of \(known)")
        }
        guard policy != .postQuantum || !options.acceptsTLS12 else {
            throw ConfigurationError(
                variable: "TLS12_ENABLED", reason: "TLS 1.2 has none of what COMPLIANCE_POLICY=pqc demands")
        }
        guard policy != .fips || !options.offersOffload else {
            throw ConfigurationError(
                variable: "CULVERT_KERNEL_TLS",
                reason: "the kernel is not the provider that COMPLIANCE_POLICY=fips demands")
        }
        options.compliance = policy
        return options
    }

    mutating func readRevocations(_ reader: EnvironmentReader) {
        revocationPath = reader.text("CRL_PATH")
    }

    /// Leaves the kernel's TLS aside, with a remark, where the kernel cannot do what is asked of it.
    public mutating func tryKernelTLS() {
        guard tls.offersOffload else { return }
        do throws(Errno) {
            try KernelTLS.probe()
        } catch {
            let reason =
                switch error {
                case .noEntry: "this kernel has no TLS (CONFIG_TLS)"
                case .busy: "this kernel cannot replace keys (Linux 6.14 can)"
                default: "\(error)"
                }
            remarks.append("of no effect, since \(reason): CULVERT_KERNEL_TLS")
            tls.offersOffload = false
        }
    }

    /// Binds the process to the policy that is asked for; before anything else is done with OpenSSL.
    public func adoptCompliance() throws(ConfigurationError) {
        guard let policy = tls.compliance else { return }
        do throws(TLSFailure) {
            try TLSLibrary.adopt(policy)
        } catch {
            throw ConfigurationError(variable: "COMPLIANCE_POLICY", reason: "\(policy.rawValue): \(error)")
        }
    }
}

extension EnvironmentReader {
    /// Names with commas between them, best first.
    fileprivate func cipherSuites(_ name: String) throws(ConfigurationError) -> [CipherSuite]? {
        guard let text = text(name) else { return nil }
        var suites: [CipherSuite] = []
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let suite = CipherSuite(rawValue: String(word)), !suites.contains(suite) else {
                let known = CipherSuite.allCases.map(\.rawValue).joined(separator: ", ")
                throw ConfigurationError(
                    variable: name, reason: "\"\(text)\" does not name some of \(known), once each")
            }
            suites.append(suite)
        }
        return suites
    }
}
