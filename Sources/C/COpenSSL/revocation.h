// What OpenSSL tells of revocation lists (RFC 5280 5) through macros and types that Swift cannot read.
#ifndef CULVERT_COPENSSL_REVOCATION_H
#define CULVERT_COPENSSL_REVOCATION_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define CULVERT_KEY_DIGEST_COUNT 32

// Equal for names that OpenSSL takes for the same; 0 for all where there is no SHA-1.
static inline unsigned long culvert_name_hash(const X509_NAME *name) {
    int done = 0;
    unsigned long hash = X509_NAME_hash_ex(name, NULL, NULL, &done);
    return done ? hash : 0;
}

// A name in one line as RFC 2253 has it.
static inline int culvert_print_name(BIO *output, const X509_NAME *name) {
    return X509_NAME_print_ex(output, name, 0, XN_FLAG_RFC2253);
}

// SHA-256 of a certificate's public key. 1 if `digest` holds it.
static inline int culvert_key_digest(const X509 *certificate, unsigned char digest[CULVERT_KEY_DIGEST_COUNT]) {
    unsigned int count = 0;
    return X509_pubkey_digest(certificate, EVP_sha256(), digest, &count) == 1 && count == CULVERT_KEY_DIGEST_COUNT;
}

static inline int culvert_revoked_count(X509_CRL *list) { return sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list)); }

// 1 if nothing in the list says that it speaks of others than its issuer's certificates, changes another list, or cannot be
// read without an extension that is unknown here.
static inline int culvert_list_stands_alone(const X509_CRL *list) {
    for (int i = 0; i < X509_CRL_get_ext_count(list); i++) {
        X509_EXTENSION *extension = X509_CRL_get_ext(list, i);
        int kind = OBJ_obj2nid(X509_EXTENSION_get_object(extension));
        if (kind == NID_delta_crl) return 0;
        if (kind != NID_issuing_distribution_point && X509_EXTENSION_get_critical(extension)) return 0;
    }
    int state = 0;
    ISSUING_DIST_POINT *scope =
        (ISSUING_DIST_POINT *)X509_CRL_get_ext_d2i(list, NID_issuing_distribution_point, &state, NULL);
    if (scope == NULL) return state == -1;
    int alone = scope->indirectCRL <= 0;
    ISSUING_DIST_POINT_free(scope);
    return alone;
}

// 0 if the list names another key than this issuer's.
static inline int culvert_list_may_be_of(const X509_CRL *list, const X509 *issuer) {
    AUTHORITY_KEYID *key = (AUTHORITY_KEYID *)X509_CRL_get_ext_d2i(list, NID_authority_key_identifier, NULL, NULL);
    if (key == NULL) return 1;
    int matches = X509_check_akid(issuer, key) == X509_V_OK;
    AUTHORITY_KEYID_free(key);
    return matches;
}

// 1 if the issuer has signed the list, and may.
static inline int culvert_list_is_signed(X509_CRL *list, X509 *issuer) {
    if ((X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0) return 0;
    return X509_CRL_verify(list, X509_get0_pubkey(issuer)) == 1;
}

// Whether the list holds the certificate's serial number, and has not taken it back.
static inline int culvert_list_revokes(X509_CRL *list, X509 *certificate) {
    X509_REVOKED *entry = NULL;
    return X509_CRL_get0_by_cert(list, &entry, certificate) == 1;
}

static inline int culvert_chain_count(const STACK_OF(X509) *chain) { return sk_X509_num(chain); }
static inline X509 *culvert_chain_get(const STACK_OF(X509) *chain, int index) { return sk_X509_value(chain, index); }
static inline STACK_OF(X509) *culvert_chain_share(STACK_OF(X509) *chain) { return X509_chain_up_ref(chain); }
static inline void culvert_chain_free(STACK_OF(X509) *chain) { OSSL_STACK_OF_X509_free(chain); }

#endif
