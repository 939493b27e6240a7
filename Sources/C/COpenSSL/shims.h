// OpenSSL, static inlines for the macros that Swift cannot read, and the BIO through which a connection reads and writes memory
// that its caller owns.
#ifndef CULVERT_COPENSSL_H
#define CULVERT_COPENSSL_H

#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "blocks.h"
#include "revocation.h"

// What one operation on a connection may read and where it may write. The owner sets both sides before each operation; neither
// side is kept beyond it, and nothing is copied but by OpenSSL itself.
struct culvert_tls_window {
    const unsigned char *input;
    size_t input_count;
    unsigned char *room;
    size_t room_count;
    size_t written_count;
    // Writes since the connection began. OpenSSL makes at least one for each record.
    uint64_t write_count;
};

static inline int culvert_window_read(BIO *bio, char *out, size_t capacity, size_t *count) {
    struct culvert_tls_window *window = (struct culvert_tls_window *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (window->input_count == 0) {
        *count = 0;
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = capacity < window->input_count ? capacity : window->input_count;
    memcpy(out, window->input, taken);
    window->input += taken;
    window->input_count -= taken;
    *count = taken;
    return 1;
}

static inline int culvert_window_write(BIO *bio, const char *bytes, size_t length, size_t *count) {
    struct culvert_tls_window *window = (struct culvert_tls_window *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t taken = length < window->room_count ? length : window->room_count;
    if (taken == 0 && length > 0) {
        *count = 0;
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(window->room, bytes, taken);
    window->room += taken;
    window->room_count -= taken;
    window->written_count += taken;
    window->write_count += 1;
    *count = taken;
    return 1;
}

static inline long culvert_window_control(BIO *bio, int command, long number, void *argument) {
    (void)bio;
    (void)number;
    (void)argument;
    return command == BIO_CTRL_FLUSH;
}

static inline int culvert_window_create(BIO *bio) {
    BIO_set_init(bio, 1);
    return 1;
}

static inline BIO_METHOD *culvert_window_method(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "culvert window");
    if (method == NULL) return NULL;
    BIO_meth_set_create(method, culvert_window_create);
    BIO_meth_set_read_ex(method, culvert_window_read);
    BIO_meth_set_write_ex(method, culvert_window_write);
    BIO_meth_set_ctrl(method, culvert_window_control);
    return method;
}

// A connection over `window`, which must outlive it. NULL when memory is short.
static inline SSL *culvert_connection_new(SSL_CTX *context, const BIO_METHOD *method, struct culvert_tls_window *window) {
    SSL *connection = SSL_new(context);
    BIO *bio = BIO_new(method);
    if (connection == NULL || bio == NULL) {
        SSL_free(connection);
        BIO_free(bio);
        return NULL;
    }
    BIO_set_data(bio, window);
    SSL_set_bio(connection, bio, bio);
    return connection;
}

static inline int culvert_set_versions(SSL_CTX *context, int least, int most) {
    return SSL_CTX_set_min_proto_version(context, least) && SSL_CTX_set_max_proto_version(context, most);
}

// No certificate compression either (RFC 8879): chains are short, and it costs time and memory for each handshake.
static inline void culvert_set_lean(SSL_CTX *context) {
#ifdef SSL_OP_NO_TX_CERTIFICATE_COMPRESSION /* OpenSSL 3.2 */
    SSL_CTX_set_options(context, SSL_OP_NO_TX_CERTIFICATE_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
#endif
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
}

static inline void culvert_bound_peer_chain(SSL_CTX *context, long byte_count, int depth) {
    SSL_CTX_set_max_cert_list(context, byte_count);
    SSL_CTX_set_verify_depth(context, depth);
}

static inline int culvert_set_groups(SSL_CTX *context, const char *list) { return (int)SSL_CTX_set1_groups_list(context, list); }

static inline int culvert_set_signature_algorithms(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_sigalgs_list(context, list);
}

static inline int culvert_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add1_chain_cert(context, certificate);
}

static inline int culvert_set_server_name(SSL *connection, const char *name) {
    return (int)SSL_set_tlsext_host_name(connection, name);
}

// HKDF-Expand-Label of RFC 8446 7.1 without a context; `digest` is "SHA256" or "SHA384". 1 if `out` holds the bytes.
static inline int culvert_expand_label(
    const char *digest, const void *secret, size_t secret_count, const char *label, void *out, size_t out_count) {
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    EVP_KDF *function = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(function);
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)secret, secret_count),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (void *)"tls13 ", 6),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    int done = context != NULL && EVP_KDF_derive(context, (unsigned char *)out, out_count, parameters) == 1;
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(function);
    return done;
}

static inline int culvert_error_reason(unsigned long code) { return ERR_GET_REASON(code); }
static inline int culvert_error_library(unsigned long code) { return ERR_GET_LIB(code); }

static inline EVP_PKEY *culvert_generate_p256(void) { return EVP_EC_gen("P-256"); }

static inline long culvert_memory_contents(BIO *bio, const char **bytes) { return BIO_get_mem_data(bio, (char **)bytes); }

static inline int culvert_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

static inline const GENERAL_NAME *culvert_names_get(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}

static inline GENERAL_NAMES *culvert_names_new(void) { return sk_GENERAL_NAME_new_null(); }

// Adds a name of an IA5String kind (GEN_URI, GEN_DNS).
static inline int culvert_names_add_text(GENERAL_NAMES *names, int kind, const void *bytes, int count) {
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (text == NULL || name == NULL || !ASN1_STRING_set(text, bytes, count)) goto failed;
    GENERAL_NAME_set0_value(name, kind, text);
    if (sk_GENERAL_NAME_push(names, name) > 0) return 1;
    text = NULL;
failed:
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(name);
    return 0;
}

// Adds an IP address of 4 or 16 bytes.
static inline int culvert_names_add_address(GENERAL_NAMES *names, const void *bytes, int count) {
    ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    if (octets == NULL || name == NULL || !ASN1_OCTET_STRING_set(octets, bytes, count)) goto failed;
    GENERAL_NAME_set0_value(name, GEN_IPADD, octets);
    if (sk_GENERAL_NAME_push(names, name) > 0) return 1;
    octets = NULL;
failed:
    ASN1_OCTET_STRING_free(octets);
    GENERAL_NAME_free(name);
    return 0;
}

// Puts the names into a request as its only requested extension, critical.
static inline int culvert_request_add_names(X509_REQ *request, GENERAL_NAMES *names) {
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    int added = X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT) == 1
        && X509_REQ_add_extensions(request, extensions);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return added;
}

// The subject alternative names that a request asks for; NULL if none.
static inline GENERAL_NAMES *culvert_request_names(X509_REQ *request) {
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    if (extensions == NULL) return NULL;
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return names;
}

// A list that shares its certificates with whoever owns them.
static inline STACK_OF(X509) *culvert_certificates_new(void) { return sk_X509_new_null(); }
static inline void culvert_certificates_free(STACK_OF(X509) *list) { sk_X509_free(list); }
static inline int culvert_certificates_add(STACK_OF(X509) *list, X509 *certificate) { return sk_X509_push(list, certificate) > 0; }

static inline int culvert_add_extension(X509 *certificate, X509 *issuer, int kind, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    int added = extension != NULL && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

#endif
