// The floor under any TLS relay on this machine: one thread, edge-triggered epoll, OpenSSL fed by hand in large pieces,
// mutual TLS 1.3, no HTTP/2, no policy. It is what the benchmarks compare a real proxy with, and is nothing else.
//
//   floor client LISTEN_PORT PEER_ADDRESS PEER_PORT CERTIFICATE KEY ROOTS     plain in, TLS out
//   floor server LISTEN_PORT PEER_ADDRESS PEER_PORT CERTIFICATE KEY ROOTS     TLS in, plain out

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 256 * 1024,       // read at once, from either socket
    BUDGET_BYTES = 1024 * 1024,     // moved for one side before the others get their turn
    EVENTS_PER_WAIT = 64,
    RECORD_OVERHEAD_BYTES = 64,
};

struct buffer {
    unsigned char *bytes;
    size_t start, end, capacity;
};

struct relay;

// One socket of a relay.
struct side {
    int descriptor;
    bool is_tls, readable, writable, hung_up, read_ended, write_ended, queued;
    struct buffer pending;          // what this socket has not taken yet
    struct relay *relay;
    struct side *next_ready;
};

struct relay {
    struct side plain, secure;
    SSL *ssl;
    bool connecting, established, closed;
    struct relay *next_closed;
};

static int epoll_descriptor;
static SSL_CTX *context;
static bool is_server;
static struct sockaddr_in peer;
static struct side *ready_list;
static struct relay *closed_list;
static unsigned char piece[PIECE_BYTES], plaintext[PIECE_BYTES];

// The ciphertext that OpenSSL may take now: a window into `piece`.
static const unsigned char *ciphertext;
static size_t ciphertext_count;

static void die(const char *what) {
    perror(what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

// Buffers

static unsigned char *buffer_reserve(struct buffer *b, size_t count) {
    if (b->start == b->end) b->start = b->end = 0;
    if (b->end + count > b->capacity) {
        size_t capacity = b->end + count < PIECE_BYTES ? PIECE_BYTES : (b->end + count) * 2;
        b->bytes = realloc(b->bytes, capacity);
        if (!b->bytes) die("realloc");
        b->capacity = capacity;
    }
    return b->bytes + b->end;
}

static bool buffer_is_empty(const struct buffer *b) { return b->start == b->end; }

// OpenSSL reads from the window and writes into the secure side's pending bytes: one system call a piece, not one a record.

static int bio_read(BIO *bio, char *into, int count) {
    BIO_clear_retry_flags(bio);
    if (ciphertext_count == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t taken = (size_t)count < ciphertext_count ? (size_t)count : ciphertext_count;
    memcpy(into, ciphertext, taken);
    ciphertext += taken;
    ciphertext_count -= taken;
    return (int)taken;
}

static int bio_write(BIO *bio, const char *bytes, int count) {
    struct relay *relay = BIO_get_data(bio);
    memcpy(buffer_reserve(&relay->secure.pending, (size_t)count), bytes, (size_t)count);
    relay->secure.pending.end += (size_t)count;
    return count;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static BIO_METHOD *bio_method(void) {
    static BIO_METHOD *method;
    if (method) return method;
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "piece");
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

// Relays

static void watch(int descriptor, void *owner) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = owner};
    if (epoll_ctl(epoll_descriptor, EPOLL_CTL_ADD, descriptor, &event) < 0) die("epoll_ctl");
}

static void queue_side(struct side *side) {
    if (side->queued) return;
    side->queued = true;
    side->next_ready = ready_list;
    ready_list = side;
}

static void relay_close(struct relay *relay) {
    if (relay->closed) return;
    relay->closed = true;
    close(relay->plain.descriptor);
    close(relay->secure.descriptor);
    relay->next_closed = closed_list;
    closed_list = relay;
}

static void relay_free(struct relay *relay) {
    SSL_free(relay->ssl);
    free(relay->plain.pending.bytes);
    free(relay->secure.pending.bytes);
    free(relay);
}

static struct side *other(struct side *side) {
    return side->is_tls ? &side->relay->plain : &side->relay->secure;
}

static void side_flush(struct side *side) {
    struct buffer *b = &side->pending;
    while (side->writable && !buffer_is_empty(b)) {
        ssize_t count = write(side->descriptor, b->bytes + b->start, b->end - b->start);
        if (count >= 0) {
            b->start += (size_t)count;
        } else if (errno == EAGAIN) {
            side->writable = false;
        } else if (errno != EINTR) {
            relay_close(side->relay);
            return;
        }
    }
    if (buffer_is_empty(b) && side->write_ended == false && other(side)->read_ended) {
        side->write_ended = true;
        shutdown(side->descriptor, SHUT_WR);
    }
    if (side->write_ended && other(side)->write_ended) relay_close(side->relay);
}

// Writes straight from `bytes` where it can, and keeps the rest.
static void plain_write(struct side *side, const unsigned char *bytes, size_t count) {
    while (count > 0 && side->writable && buffer_is_empty(&side->pending)) {
        ssize_t taken = write(side->descriptor, bytes, count);
        if (taken >= 0) {
            bytes += taken;
            count -= (size_t)taken;
        } else if (errno == EAGAIN) {
            side->writable = false;
        } else if (errno != EINTR) {
            relay_close(side->relay);
            return;
        }
    }
    if (count == 0) return;
    memcpy(buffer_reserve(&side->pending, count), bytes, count);
    side->pending.end += count;
}

static void handshake(struct relay *relay) {
    int outcome = SSL_do_handshake(relay->ssl);
    if (outcome == 1) {
        relay->established = true;
        queue_side(&relay->plain);
    } else if (SSL_get_error(relay->ssl, outcome) != SSL_ERROR_WANT_READ) {
        ERR_print_errors_fp(stderr);
        relay_close(relay);
    }
}

// Gives OpenSSL the window and hands all plaintext on.
static void decrypt(struct relay *relay) {
    if (!relay->established) handshake(relay);
    while (relay->established && !relay->closed) {
        size_t filled = 0;
        int count = 0;
        while (filled < PIECE_BYTES) {
            count = SSL_read(relay->ssl, plaintext + filled, (int)(PIECE_BYTES - filled));
            if (count <= 0) break;
            filled += (size_t)count;
        }
        if (filled > 0) plain_write(&relay->plain, plaintext, filled);
        if (count > 0) continue;
        int error = SSL_get_error(relay->ssl, count);
        if (error == SSL_ERROR_ZERO_RETURN) {
            relay->secure.read_ended = true;
        } else if (error != SSL_ERROR_WANT_READ) {
            relay_close(relay);
        }
        return;
    }
}

static void end_of_stream(struct side *side) {
    side->read_ended = true;
    if (!side->is_tls) SSL_shutdown(side->relay->ssl);
}

// Moves what `side` has to the other side; false once it is drained or must wait.
static bool side_read(struct side *side) {
    struct relay *relay = side->relay;
    size_t budget = BUDGET_BYTES;
    while (side->readable && !side->read_ended && !relay->closed && buffer_is_empty(&other(side)->pending)) {
        if (!side->is_tls && !relay->established) return false;
        if (budget == 0) return true;
        ssize_t count = read(side->descriptor, piece, PIECE_BYTES);
        if (count > 0) {
            // A short read means drained: the next byte comes with an event. The end may have come already.
            if (count < PIECE_BYTES && !side->hung_up) side->readable = false;
            if (side->is_tls) {
                ciphertext = piece;
                ciphertext_count = (size_t)count;
                decrypt(relay);
            } else {
                buffer_reserve(&relay->secure.pending, (size_t)count + RECORD_OVERHEAD_BYTES * 32);
                if (SSL_write(relay->ssl, piece, (int)count) <= 0) relay_close(relay);
            }
            budget -= (size_t)count < budget ? (size_t)count : budget;
        } else if (count == 0) {
            end_of_stream(side);
        } else if (errno == EAGAIN) {
            side->readable = false;
        } else if (errno != EINTR) {
            relay_close(relay);
        }
        if (!relay->closed) side_flush(&relay->secure);
        if (!relay->closed) side_flush(&relay->plain);
    }
    return false;
}

static void side_ready(struct side *side, unsigned events) {
    struct relay *relay = side->relay;
    if (relay->closed) return;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) side->readable = true;
    if (events & (EPOLLRDHUP | EPOLLHUP)) side->hung_up = true;
    if (events & EPOLLOUT) {
        side->writable = true;
        if (relay->connecting && side->is_tls && !is_server) {
            relay->connecting = false;
            handshake(relay);
        }
        if (!relay->closed) side_flush(side);
        // What waited for this side to take bytes may go on.
        if (!relay->closed && other(side)->readable) queue_side(other(side));
    }
    if (!relay->closed && side->readable && side_read(side)) queue_side(side);
}

static int connect_to_peer(void) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    if (descriptor < 0) die("socket");
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(descriptor, (struct sockaddr *)&peer, sizeof peer) < 0 && errno != EINPROGRESS) die("connect");
    return descriptor;
}

static void accept_all(int listener) {
    int accepted, one = 1;
    while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct relay *relay = calloc(1, sizeof *relay);
        int connected = connect_to_peer();
        relay->plain = (struct side){.descriptor = is_server ? connected : accepted, .relay = relay};
        relay->secure = (struct side){.descriptor = is_server ? accepted : connected, .relay = relay, .is_tls = true};
        relay->connecting = true;
        relay->ssl = SSL_new(context);
        BIO *bio = BIO_new(bio_method());
        BIO_set_data(bio, relay);
        BIO_set_init(bio, 1);
        SSL_set_bio(relay->ssl, bio, bio);
        if (is_server) SSL_set_accept_state(relay->ssl); else SSL_set_connect_state(relay->ssl);
        watch(relay->plain.descriptor, &relay->plain);
        watch(relay->secure.descriptor, &relay->secure);
    }
}

static SSL_CTX *make_context(const char *certificate, const char *key, const char *roots) {
    SSL_CTX *made = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!made
        || SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION) != 1
        || SSL_CTX_set_ciphersuites(made, "TLS_AES_128_GCM_SHA256") != 1
        || SSL_CTX_use_certificate_chain_file(made, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1
        || SSL_CTX_load_verify_locations(made, roots, NULL) != 1
        || SSL_CTX_set_num_tickets(made, 0) != 1)
        die("context");
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_read_ahead(made, 1);
    return made;
}

static int listen_on(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0) die("listen");
    return listener;
}

int main(int count, char **arguments) {
    if (count != 8) {
        fprintf(stderr, "usage: floor client|server LISTEN_PORT PEER_ADDRESS PEER_PORT CERTIFICATE KEY ROOTS\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    is_server = strcmp(arguments[1], "server") == 0;
    peer.sin_family = AF_INET;
    peer.sin_port = htons((uint16_t)atoi(arguments[4]));
    if (inet_pton(AF_INET, arguments[3], &peer.sin_addr) != 1) die("address");
    context = make_context(arguments[5], arguments[6], arguments[7]);
    epoll_descriptor = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on(atoi(arguments[2]));
    watch(listener, NULL);
    puts("ready");
    fflush(stdout);

    struct epoll_event events[EVENTS_PER_WAIT];
    for (;;) {
        int happened = epoll_wait(epoll_descriptor, events, EVENTS_PER_WAIT, ready_list ? 0 : -1);
        for (int i = 0; i < happened; i++) {
            if (events[i].data.ptr) side_ready(events[i].data.ptr, events[i].events); else accept_all(listener);
        }
        struct side *side = ready_list;
        ready_list = NULL;
        while (side) {
            struct side *next = side->next_ready;
            side->queued = false;
            if (!side->relay->closed && side_read(side)) queue_side(side);
            side = next;
        }
        // Freed here, when neither an event nor the list can name them any more.
        struct relay **link = &closed_list;
        while (*link) {
            struct relay *relay = *link;
            if (relay->plain.queued || relay->secure.queued) {
                link = &relay->next_closed;
            } else {
                *link = relay->next_closed;
                relay_free(relay);
            }
        }
    }
}
