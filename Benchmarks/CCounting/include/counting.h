// Counts what threads allocate, and how often they retain and release.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum culvert_count { CULVERT_ALLOCATIONS, CULVERT_RETAINS, CULVERT_RELEASES, CULVERT_COUNTS };
enum { CULVERT_LEDGERS = 8 };

// Has the Swift runtime call counters of ours from now on. False if some are already in place.
bool culvert_begin_counting(void);
// Has the calling thread's doings counted in a ledger below CULVERT_LEDGERS. Other threads are not counted.
void culvert_count_in(int ledger);
// What was counted so far; from any thread.
uint64_t culvert_counted(int ledger, enum culvert_count what);
// Bytes that are allocated by malloc at present.
uint64_t culvert_allocated_byte_count(void);
// Allocates, retains and releases as many times, for seeing that it is counted; `object` is any Swift object.
void culvert_exercise(void *object, int times);
