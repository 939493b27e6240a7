// Linux interfaces that Swift's Glibc module does not carry, and the macros that Swift cannot read.
#ifndef CULVERT_CLINUX_H
#define CULVERT_CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <linux/tls.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <spawn.h>
#include <dirent.h>

// GNU extensions, declared here: _GNU_SOURCE in one module would give it other definitions of common structures than its
// neighbours have.
extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int setns(int, int);
extern int pipe2(int *, int);
extern int unshare(int);
#define CULVERT_CLONE_NEWNET 0x40000000

// From linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h, which clash with netinet/in.h.
#define CULVERT_SO_ORIGINAL_DST 80

/// errno, read where Swift's optimiser cannot move the load.
static inline int culvert_errno(void) { return errno; }

extern ssize_t splice(int, off_t *, int, off_t *, size_t, unsigned);
/// Moves bytes between a socket and a pipe and waits for neither: SPLICE_F_MOVE and SPLICE_F_NONBLOCK.
static inline ssize_t culvert_splice(int source, int sink, size_t limit) { return splice(source, NULL, sink, NULL, limit, 1 | 2); }

/// Asks the kernel (sock_diag(7)) for the TCP socket with these ends in the calling thread's network namespace; addresses are 4 or 16
/// bytes in network order. 1 if a process holds it, 0 if it is ending and none does, -1 if the kernel does not tell.
static inline int culvert_tcp_is_held(int family, const void *local, uint16_t local_port, const void *remote, uint16_t remote_port) {
    struct { struct nlmsghdr head; struct inet_diag_req_v2 request; } question = {
        .head = {.nlmsg_len = sizeof question, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST},
        .request = {.sdiag_family = (uint8_t)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u}};
    struct inet_diag_sockid *id = &question.request.id;
    size_t size = family == AF_INET ? 4 : 16;
    memcpy(id->idiag_src, local, size);
    memcpy(id->idiag_dst, remote, size);
    id->idiag_sport = htons(local_port);
    id->idiag_dport = htons(remote_port);
    id->idiag_cookie[0] = id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    union { struct nlmsghdr head; char room[1024]; } answer;
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
    if (descriptor < 0) return -1;
    // The answer is there when the question has been sent.
    ssize_t count = send(descriptor, &question, sizeof question, 0) < 0 ? -1 : recv(descriptor, &answer, sizeof answer, 0);
    close(descriptor);
    if (count < (ssize_t)NLMSG_LENGTH(sizeof(struct inet_diag_msg)) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return -1;
    const struct inet_diag_msg *told = (const struct inet_diag_msg *)NLMSG_DATA(&answer.head);
    switch (told->idiag_state) {
    case TCP_FIN_WAIT1: case TCP_FIN_WAIT2: case TCP_TIME_WAIT: case TCP_CLOSE: case TCP_LAST_ACK: case TCP_CLOSING:
        return told->idiag_inode != 0;
    default: return told->idiag_state == TCP_LISTEN ? -1 : 1;
    }
}

/// The least round trip of a TCP connection in microseconds (tcpi_min_rtt of linux/tcp.h, which clashes with netinet/tcp.h); -1 if
/// the kernel does not say.
static inline int64_t culvert_tcp_least_round_trip(int descriptor) {
    enum { place = 148, count = 152 };
    unsigned char info[count];
    socklen_t length = count;
    uint32_t microseconds;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, &length) != 0 || length < count) return -1;
    memcpy(&microseconds, info + place, sizeof microseconds);
    return microseconds == UINT32_MAX ? -1 : (int64_t)microseconds;
}

// What glibc declares under _GNU_SOURCE only, which a module cannot set for headers that Glibc's module has read before.
#define CULVERT_F_SETPIPE_SZ 1031
#define CULVERT_F_ADD_SEALS 1033
#define CULVERT_F_SEAL_GROW 4
#define CULVERT_MFD_CLOEXEC 1U
#define CULVERT_MFD_ALLOW_SEALING 2U
#define CULVERT_POSIX_SPAWN_SETSID 0x80
extern int memfd_create(const char *name, unsigned int flags);

/// The environment, which Swift refuses to read as a variable.
extern char **environ;
static inline char **culvert_environment(void) { return environ; }

/// Sends one packet with at most one descriptor beside it; -1 sends none.
static inline ssize_t culvert_send_with_descriptor(int socket, const void *bytes, size_t count, int descriptor) {
    struct iovec part = {(void *)bytes, count};
    union { char bytes[CMSG_SPACE(sizeof(int))]; struct cmsghdr align; } control;
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/// Receives one packet with the descriptors beside it, at most `capacity` of them; the rest are dropped by the kernel and
/// MSG_CTRUNC shows in `flags`.
static inline ssize_t culvert_receive_with_descriptors(
    int socket, void *bytes, size_t count, int *descriptors, int capacity, int *received, int *flags) {
    struct iovec part = {bytes, count};
    union { char bytes[CMSG_SPACE(sizeof(int) * 8)]; struct cmsghdr align; } control;
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)(capacity > 8 ? 8 : capacity));
    *received = 0;
    ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    *flags = message.msg_flags;
    if (got < 0) return got;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int n = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int i = 0; i < n; i++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + (size_t)i * sizeof(int), sizeof(int));
            if (*received < capacity) descriptors[(*received)++] = descriptor; else close(descriptor);
        }
    }
    return got;
}

/// Lets the kernel's TLS sit on a connected TCP socket; bytes pass as they are until it has keys.
static inline int culvert_tls_attach(int socket) { return setsockopt(socket, IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls"); }

/// Gives the kernel the key of 16 or 32 bytes (AES-GCM, TLS 1.3) and the IV of 12 for one direction (TLS_TX, TLS_RX), to begin
/// with record 0.
static inline int culvert_tls_set_key(int socket, int direction, const void *key, size_t key_count, const void *iv) {
    union {
        struct tls_crypto_info info;
        struct tls12_crypto_info_aes_gcm_128 short_key;
        struct tls12_crypto_info_aes_gcm_256 long_key;
    } keys;
    const unsigned char *salt = (const unsigned char *)iv;
    size_t count;
    memset(&keys, 0, sizeof keys);
    keys.info.version = TLS_1_3_VERSION;
    if (key_count == TLS_CIPHER_AES_GCM_128_KEY_SIZE) {
        count = sizeof keys.short_key;
        keys.info.cipher_type = TLS_CIPHER_AES_GCM_128;
        memcpy(keys.short_key.key, key, key_count);
        memcpy(keys.short_key.salt, salt, sizeof keys.short_key.salt);
        memcpy(keys.short_key.iv, salt + sizeof keys.short_key.salt, sizeof keys.short_key.iv);
    } else if (key_count == TLS_CIPHER_AES_GCM_256_KEY_SIZE) {
        count = sizeof keys.long_key;
        keys.info.cipher_type = TLS_CIPHER_AES_GCM_256;
        memcpy(keys.long_key.key, key, key_count);
        memcpy(keys.long_key.salt, salt, sizeof keys.long_key.salt);
        memcpy(keys.long_key.iv, salt + sizeof keys.long_key.salt, sizeof keys.long_key.iv);
    } else {
        errno = EINVAL;
        return -1;
    }
    int outcome = setsockopt(socket, SOL_TLS, direction, &keys, (socklen_t)count);
    int failure = errno;
    explicit_bzero(&keys, sizeof keys);
    errno = failure;
    return outcome;
}

/// Sends one record of the given content type.
static inline ssize_t culvert_tls_send(int socket, unsigned char type, const void *bytes, size_t count) {
    struct iovec part = {(void *)bytes, count};
    union { char bytes[CMSG_SPACE(1)]; struct cmsghdr align; } control;
    struct msghdr message;
    memset(&message, 0, sizeof message);
    memset(&control, 0, sizeof control);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_TLS;
    header->cmsg_type = TLS_SET_RECORD_TYPE;
    header->cmsg_len = CMSG_LEN(1);
    *CMSG_DATA(header) = type;
    return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/// Receives from one record, or from several of application data; `type` becomes the content type, or -1 if the kernel does not
/// say.
static inline ssize_t culvert_tls_receive(int socket, void *bytes, size_t count, int *type) {
    struct iovec part = {bytes, count};
    union { char bytes[CMSG_SPACE(1)]; struct cmsghdr align; } control;
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    *type = -1;
    ssize_t got = recvmsg(socket, &message, 0);
    if (got < 0) return got;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_TLS && header->cmsg_type == TLS_GET_RECORD_TYPE) *type = *CMSG_DATA(header);
    }
    return got;
}

/// Starts a detached thread; 0 or an error number.
static inline int culvert_start_thread(void *(*body)(void *), void *context) {
    pthread_t thread;
    int outcome = pthread_create(&thread, NULL, body, context);
    if (outcome == 0) pthread_detach(thread);
    return outcome;
}

/// Writing to a closed pipe is an error and no longer a signal.
static inline void culvert_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

static inline int culvert_wait_exited(int status) { return WIFEXITED(status); }
static inline int culvert_wait_exit_status(int status) { return WEXITSTATUS(status); }
static inline int culvert_wait_signal(int status) { return WTERMSIG(status); }
static inline int culvert_open(const char *path, int flags, mode_t mode) { return open(path, flags, mode); }
static inline int culvert_fcntl(int descriptor, int command, int argument) { return fcntl(descriptor, command, argument); }
static inline int culvert_prctl(int option, unsigned long argument) { return prctl(option, argument, 0, 0, 0); }

#endif
