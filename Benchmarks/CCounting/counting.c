// malloc and its like are those of this program, for libraries as well, and go on to the C library's. Retains and
// releases come by function pointers which the Swift runtime has for such ends; those of no object, which do nothing, are not
// counted.
#include "counting.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

static uint64_t ledgers[CULVERT_LEDGERS][CULVERT_COUNTS];
static _Thread_local uint64_t *ledger;

static inline void count(enum culvert_count what) {
    // One thread writes; others only read.
    if (ledger) __atomic_store_n(&ledger[what], ledger[what] + 1, __ATOMIC_RELAXED);
}

static inline void count_of(const void *object, enum culvert_count what) {
    if (object) count(what);
}

void culvert_count_in(int index) { ledger = ledgers[index]; }

uint64_t culvert_counted(int index, enum culvert_count what) {
    return __atomic_load_n(&ledgers[index][what], __ATOMIC_RELAXED);
}

uint64_t culvert_allocated_byte_count(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// The sanitizers have an allocator of their own.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t size) {
    count(CULVERT_ALLOCATIONS);
    return __libc_malloc(size);
}

void *calloc(size_t many, size_t size) {
    count(CULVERT_ALLOCATIONS);
    return __libc_calloc(many, size);
}

void *realloc(void *block, size_t size) {
    count(CULVERT_ALLOCATIONS);
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    count(CULVERT_ALLOCATIONS);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
    *block = memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}

void free(void *block) { __libc_free(block); }
#endif

extern atomic_bool _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly;
extern void *(*_swift_retain)(void *);
extern void *(*_swift_retain_n)(void *, uint32_t);
extern void *(*_swift_tryRetain)(void *);
extern void (*_swift_release)(void *);
extern void (*_swift_release_n)(void *, uint32_t);
void *swift_retain(void *);
void swift_release(void *);

static void *(*runtime_retain)(void *);
static void *(*runtime_retain_n)(void *, uint32_t);
static void *(*runtime_try_retain)(void *);
static void (*runtime_release)(void *);
static void (*runtime_release_n)(void *, uint32_t);

static void *retain(void *object) {
    count_of(object, CULVERT_RETAINS);
    return runtime_retain(object);
}

static void *retain_n(void *object, uint32_t times) {
    count_of(object, CULVERT_RETAINS);
    return runtime_retain_n(object, times);
}

static void *try_retain(void *object) {
    count_of(object, CULVERT_RETAINS);
    return runtime_try_retain(object);
}

static void release(void *object) {
    count_of(object, CULVERT_RELEASES);
    runtime_release(object);
}

static void release_n(void *object, uint32_t times) {
    count_of(object, CULVERT_RELEASES);
    runtime_release_n(object, times);
}

bool culvert_begin_counting(void) {
    if (runtime_retain) return false;
    runtime_retain = _swift_retain;
    runtime_retain_n = _swift_retain_n;
    runtime_try_retain = _swift_tryRetain;
    runtime_release = _swift_release;
    runtime_release_n = _swift_release_n;
    _swift_retain = retain;
    _swift_retain_n = retain_n;
    _swift_tryRetain = try_retain;
    _swift_release = release;
    _swift_release_n = release_n;
    _swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly = true;
    return true;
}

void culvert_exercise(void *object, int times) {
    for (int turn = 0; turn < times; turn++) {
        swift_retain(object);
        void *volatile block = malloc(16);
        free(block);
        swift_release(object);
    }
}
