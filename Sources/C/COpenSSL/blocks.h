// The memory that OpenSSL is given. For each record it takes and gives back a buffer and a few small blocks, because an idle
// connection is to hold none (SSL_MODE_RELEASE_BUFFERS). Each thread keeps some of them for its next record, so that none is
// asked of malloc. Every block is malloc's, so that any thread may free it, and what a thread keeps goes with it.
#ifndef CULVERT_COPENSSL_BLOCKS_H
#define CULVERT_COPENSSL_BLOCKS_H

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include <openssl/crypto.h>

// The sizes in bytes that are kept: what nests a packet while it is written, and the buffer of one record.
#define CULVERT_SMALL_LEAST 25
#define CULVERT_SMALL_MOST 40
#define CULVERT_RECORD_LEAST 16385
#define CULVERT_RECORD_MOST 17384
// Larger than malloc makes a block of the class, for an alignment or two.
#define CULVERT_BLOCK_SLACK 32

#define CULVERT_SMALL_KEPT 16
#define CULVERT_RECORDS_KEPT 4

struct culvert_block {
    struct culvert_block *next;
};

struct culvert_blocks {
    struct culvert_block *first;
    unsigned count;
};

// What a thread keeps.
struct culvert_kept {
    struct culvert_blocks small, records;
    int is_watched;
};

static inline struct culvert_kept *culvert_kept(void) {
    static __thread struct culvert_kept kept;
    return &kept;
}

// Tells of the end of a thread.
static inline pthread_key_t *culvert_kept_key(void) {
    static pthread_key_t key;
    return &key;
}

static inline void culvert_blocks_drop(struct culvert_blocks *blocks) {
    while (blocks->first != NULL) {
        struct culvert_block *block = blocks->first;
        blocks->first = block->next;
        free(block);
    }
    blocks->count = 0;
}

// The thread ends. OpenSSL's own clean-up may free after this, and then it is called again.
static inline void culvert_blocks_drop_all(void *thread) {
    struct culvert_kept *kept = (struct culvert_kept *)thread;
    kept->is_watched = 0;
    culvert_blocks_drop(&kept->small);
    culvert_blocks_drop(&kept->records);
}

static inline void *culvert_block_take(struct culvert_blocks *blocks, size_t size) {
    struct culvert_block *block = blocks->first;
    if (block == NULL) return malloc(size);
    blocks->first = block->next;
    blocks->count -= 1;
    return block;
}

static inline void culvert_block_give(struct culvert_blocks *blocks, void *bytes, unsigned most) {
    struct culvert_kept *kept = culvert_kept();
    if (!kept->is_watched) kept->is_watched = pthread_setspecific(*culvert_kept_key(), kept) == 0;
    if (blocks->count >= most || !kept->is_watched) {
        free(bytes);
        return;
    }
    struct culvert_block *block = (struct culvert_block *)bytes;
    block->next = blocks->first;
    blocks->first = block;
    blocks->count += 1;
}

static inline void *culvert_allocate(size_t size, const char *file, int line) {
    (void)file, (void)line;
    if (size == 0) return NULL;
    if (size >= CULVERT_SMALL_LEAST && size <= CULVERT_SMALL_MOST) {
        return culvert_block_take(&culvert_kept()->small, CULVERT_SMALL_MOST);
    }
    if (size >= CULVERT_RECORD_LEAST && size <= CULVERT_RECORD_MOST) {
        return culvert_block_take(&culvert_kept()->records, CULVERT_RECORD_MOST);
    }
    return malloc(size);
}

// Every block that is kept is large enough for any request of its class, whoever asked for it first.
static inline void culvert_free(void *bytes, const char *file, int line) {
    (void)file, (void)line;
    size_t usable = malloc_usable_size(bytes);
    if (usable >= CULVERT_SMALL_MOST && usable < CULVERT_SMALL_MOST + CULVERT_BLOCK_SLACK / 2) {
        culvert_block_give(&culvert_kept()->small, bytes, CULVERT_SMALL_KEPT);
    } else if (usable >= CULVERT_RECORD_MOST && usable < CULVERT_RECORD_MOST + CULVERT_BLOCK_SLACK) {
        culvert_block_give(&culvert_kept()->records, bytes, CULVERT_RECORDS_KEPT);
    } else {
        free(bytes);
    }
}

static inline void *culvert_reallocate(void *bytes, size_t size, const char *file, int line) {
    if (size > 0) return realloc(bytes, size);
    culvert_free(bytes, file, line);
    return NULL;
}

// The address sanitizer, where it is linked in: it is to see each block come and go.
extern void __asan_init(void) __attribute__((weak));

// Before OpenSSL allocates anything; later it does nothing.
static inline void culvert_keep_blocks(void) {
    if (__asan_init != NULL || pthread_key_create(culvert_kept_key(), culvert_blocks_drop_all) != 0) return;
    CRYPTO_set_mem_functions(culvert_allocate, culvert_reallocate, culvert_free);
}

#endif
