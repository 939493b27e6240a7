// Full mutual handshakes of TLS 1.3 as OpenSSL makes them with both ends in one thread and nothing between them: what the
// benchmarks compare a node's handshakes with. Same suite, groups and kind of certificates; no resumption.
//
//   handshakes CLIENT_CERTIFICATE CLIENT_KEY SERVER_CERTIFICATE SERVER_KEY ROOTS COUNT
//
// Prints one JSON object.

#define _GNU_SOURCE
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BUFFER_BYTES = 64 * 1024, WARM_UP_COUNT = 20 };

static void die(const char *what) {
    fprintf(stderr, "handshakes: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static SSL_CTX *make_context(bool is_server, const char *certificate, const char *key, const char *roots) {
    SSL_CTX *made = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!made
        || SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION) != 1
        || SSL_CTX_set_ciphersuites(made, "TLS_AES_128_GCM_SHA256") != 1
        || SSL_CTX_use_certificate_chain_file(made, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1
        || SSL_CTX_load_verify_locations(made, roots, NULL) != 1
        || SSL_CTX_set_num_tickets(made, 0) != 1)
        die("context");
    // As the node offers them; OpenSSL before 3.5 knows no ML-KEM.
    if (SSL_CTX_set1_groups_list(made, "*X25519MLKEM768:*X25519:P-256:P-384") != 1
        && SSL_CTX_set1_groups_list(made, "X25519:P-256:P-384") != 1)
        die("groups");
    ERR_clear_error();
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    return made;
}

// True once this end is done.
static bool step(SSL *ssl) {
    int outcome = SSL_do_handshake(ssl);
    if (outcome != 1 && SSL_get_error(ssl, outcome) != SSL_ERROR_WANT_READ) die("handshake");
    return outcome == 1;
}

static void handshake(SSL_CTX *client_context, SSL_CTX *server_context) {
    SSL *client = SSL_new(client_context), *server = SSL_new(server_context);
    BIO *client_end, *server_end;
    if (!client || !server || BIO_new_bio_pair(&client_end, BUFFER_BYTES, &server_end, BUFFER_BYTES) != 1) die("ends");
    SSL_set_bio(client, client_end, client_end);
    SSL_set_bio(server, server_end, server_end);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    bool client_done = false, server_done = false;
    while (!client_done || !server_done) {
        if (!client_done) client_done = step(client);
        if (!server_done) server_done = step(server);
    }
    SSL_free(client);
    SSL_free(server);
}

static long long nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argument_count, char **arguments) {
    if (argument_count != 7) {
        fprintf(stderr, "usage: handshakes CLIENT_CERTIFICATE CLIENT_KEY SERVER_CERTIFICATE SERVER_KEY ROOTS COUNT\n");
        return 2;
    }
    SSL_CTX *client = make_context(false, arguments[1], arguments[2], arguments[5]);
    SSL_CTX *server = make_context(true, arguments[3], arguments[4], arguments[5]);
    int count = atoi(arguments[6]);
    for (int i = 0; i < WARM_UP_COUNT; i++) handshake(client, server);
    long long began = nanoseconds(CLOCK_MONOTONIC), processor_began = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < count; i++) handshake(client, server);
    printf("{\"count\": %d, \"elapsed_ns\": %lld, \"processor_ns\": %lld}\n", count,
           nanoseconds(CLOCK_MONOTONIC) - began, nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - processor_began);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    return 0;
}
