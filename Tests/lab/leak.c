/* A program with this library keeps memory for each connection that it accepts. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { KEPT_BYTES = 32768 };

/* So that the compiler does not see that nobody looks at it. */
static void *volatile last;

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    int accepted = syscall(SYS_accept4, descriptor, address, length, flags);
    void *kept = accepted < 0 ? NULL : malloc(KEPT_BYTES);
    if (kept) last = memset(kept, 1, KEPT_BYTES);
    return accepted;
}
